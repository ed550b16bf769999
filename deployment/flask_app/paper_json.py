"""Reads a request of the API: one paper, or many, as JSON. Each error names the field, and says what to change."""

import json
from typing import Any, NamedTuple

from werkzeug.exceptions import BadRequest, UnprocessableEntity

from deployment.common.limits import ABSTRACT_CHARACTERS, PAPERS, TITLE_CHARACTERS

_LENGTHS = {"title": TITLE_CHARACTERS, "abstract": ABSTRACT_CHARACTERS}


class WrongField(UnprocessableEntity):
    """A field that cannot be used: `field` is its path, such as `papers[2].title`, `description` one sentence."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class Question(NamedTuple):
    """Papers as (title, abstract); whether it is one paper outside a list; and the threshold asked for, if any."""

    papers: list[tuple[str, str]]
    alone: bool
    threshold: float | None


def read_question(body: bytes) -> Question:
    """The papers in a request's body. Raises BadRequest if it is not a JSON object, WrongField for a field of it."""
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest('The body is not JSON: send an object such as {"title": "…", "abstract": "…"}.') from None
    if not isinstance(sent, dict):
        raise BadRequest('The body is not a JSON object: send {"title": "…", "abstract": "…"} or {"papers": [ … ]}.')
    threshold = _threshold(sent.pop("threshold", None))
    if "papers" not in sent:
        return Question([_paper(sent)], True, threshold)
    papers = sent.pop("papers")
    if sent:
        raise WrongField(_shown(next(iter(sent))), "A body with papers has no other field than threshold.")
    if not isinstance(papers, list) or not 1 <= len(papers) <= PAPERS:
        raise WrongField("papers", f"papers must be a list of 1 to {PAPERS} papers.")
    return Question([_paper(paper, f"papers[{index}]") for index, paper in enumerate(papers)], False, threshold)


def check_length(field: str, text: str, limit: int) -> None:
    """Raises WrongField for a text of more than `limit` characters."""
    if len(text) > limit:
        raise WrongField(field, f"{field} has {len(text):,} characters; at most {limit:,} are read.")


def _paper(sent: Any, path: str = "") -> tuple[str, str]:
    if not isinstance(sent, dict):
        raise WrongField(path, f"{path} must be an object with title, abstract or both.")
    for name in sent:
        if name not in _LENGTHS:
            field = _field(path, _shown(name))
            raise WrongField(field, f"{field} is not a field of a paper, which has title and abstract.")
    title, abstract = (_text(sent.get(name), _field(path, name), limit) for name, limit in _LENGTHS.items())
    return title, abstract


def _text(value: Any, field: str, limit: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise WrongField(field, f"{field} must be a string.")
    check_length(field, value, limit)
    return value


def _threshold(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise WrongField("threshold", "threshold must be a number from 0 to 1.")
    return float(value)


def _field(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _shown(name: str) -> str:
    """A name from the request, short enough to repeat in a message, and on one line."""
    name = " ".join(name.split())
    return name if len(name) <= 40 else name[:39] + "…"
