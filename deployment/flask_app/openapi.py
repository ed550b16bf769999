"""The API's description, OpenAPI 3.1. A test compares each answer of the server with it."""

from typing import Any

from deployment.common.limits import ABSTRACT_CHARACTERS, PAPERS, TITLE_CHARACTERS
from paper_tasks.tagger.classifier import LEVELS

_PROBABILITY = {"type": "number", "minimum": 0, "maximum": 1}
_EXAMPLE = {"title": "The same voice?", "abstract": "Speaker verification from two seconds of telephone speech."}


def document(body_bytes: int, seconds: float) -> dict[str, Any]:
    """The whole document; `body_bytes` is the most that is read of a body, `seconds` the longest wait."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "From Paper With Tasks",
            "version": "1",
            "description": "Which machine-learning tasks does a paper work on? "
            f"A body has at most {body_bytes:,} bytes; an answer comes within {seconds:g} seconds or not at all.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": {
            "/api/tasks": {"post": _tasks()},
            "/api/vocabulary": {
                "get": _get("vocabulary", "Every name the model knows, in its own order", "Vocabulary")
            },
            "/healthz": {"get": _health()},
            "/openapi.json": {"get": _get("description", "This document", "Document")},
        },
        "components": {"schemas": _schemas()},
    }


def _tasks() -> dict[str, Any]:
    answer = {"oneOf": [_ref("Tasks"), _ref("Batch")]}
    errors = {
        400: "The body is not a JSON object.",
        413: "The body is too large. (If it is far too large, the answer comes before its end, as plain text.)",
        415: "The body is not sent as application/json.",
        422: "A field cannot be used; `field` names it.",
    }
    return {
        "operationId": "tasks",
        "summary": f"The tasks of one paper, or of up to {PAPERS}: within a level the likeliest first",
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"oneOf": [_ref("Question"), _ref("BatchQuestion")]},
                    "examples": {"one": {"value": _EXAMPLE}, "many": {"value": {"papers": [_EXAMPLE]}}},
                }
            },
        },
        "responses": {
            "200": _response(
                "`tasks` and `topics` for one paper; `papers`, in the order sent, for a list of them.", answer
            ),
            **{str(code): _response(sentence, _ref("Error")) for code, sentence in errors.items()},
            "503": _busy("Too many people ask at once, or the answer was not ready in time."),
        },
    }


def _health() -> dict[str, Any]:
    operation = _get("health", "Whether the model answers", "Health")
    operation["responses"]["503"] = _busy("The model has not answered yet.")
    return operation


def _schemas() -> dict[str, Any]:
    texts = {
        "title": {"type": ["string", "null"], "maxLength": TITLE_CHARACTERS},
        "abstract": {"type": ["string", "null"], "maxLength": ABSTRACT_CHARACTERS},
    }
    threshold = {
        **_PROBABILITY,
        "type": ["number", "null"],
        "description": "Tasks of both levels from this probability on; "
        "if it is missing or null, the model's own thresholds hold.",
    }
    words = "Title, abstract or both; they must have a letter or a digit."
    level = {
        "enum": list(LEVELS),
        "description": "`main`: the paper works on the task; `ok`: the task also fits it. Those of `main` come first.",
    }
    topics = {
        "type": "array",
        "items": {"type": "string"},
        "description": "Names in the text that are no tasks, such as SSIM; they have no probability.",
    }
    return {
        "Paper": {"type": "object", "description": words, "properties": texts, "additionalProperties": False},
        "Question": {
            "type": "object",
            "description": words,
            "properties": {**texts, "threshold": threshold},
            "additionalProperties": False,
        },
        "BatchQuestion": {
            "type": "object",
            "properties": {
                "papers": {"type": "array", "items": _ref("Paper"), "minItems": 1, "maxItems": PAPERS},
                "threshold": threshold,
            },
            "required": ["papers"],
            "additionalProperties": False,
        },
        "Task": _record(
            task={"type": "string"},
            probability={**_PROBABILITY, "description": "That the statement of `level` is true."},
            level=level,
            area={"type": "string"},
        ),
        "Tasks": _record(tasks={"type": "array", "items": _ref("Task")}, topics=topics),
        "Batch": _record(papers={"type": "array", "items": _ref("Tasks")}),
        "Vocabulary": _record(
            labels={
                "type": "array",
                "items": _record(
                    label={"type": "string"},
                    task={"type": "string", "description": "The name to show, one for all spellings."},
                    area={"type": "string"},
                    is_task={
                        "type": "boolean",
                        "description": "False for names that are not tasks; an answer has them among `topics`.",
                    },
                    threshold=_PROBABILITY,
                ),
            }
        ),
        "Health": _record(status={"const": "ready"}),
        "Document": {"type": "object", "required": ["openapi", "info", "paths"]},
        "Error": {
            "type": "object",
            "properties": {"error": {"type": "string"}, "field": {"type": "string"}},
            "required": ["error"],
            "additionalProperties": False,
        },
    }


def _get(name: str, summary: str, schema: str) -> dict[str, Any]:
    return {"operationId": name, "summary": summary, "responses": {"200": _response(summary + ".", _ref(schema))}}


def _busy(sentence: str) -> dict[str, Any]:
    seconds = {"description": "Seconds after which to ask again.", "schema": {"type": "integer"}, "required": True}
    return _response(sentence, _ref("Error")) | {"headers": {"Retry-After": seconds}}


def _response(sentence: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": sentence, "content": {"application/json": {"schema": schema}}}


def _record(**properties: dict[str, Any]) -> dict[str, Any]:
    """An object with all of these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
