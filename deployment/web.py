"""The page without JavaScript, and the JSON API: `python -m deployment.web`."""

import argparse
import signal
import sys
from pathlib import Path

import numpy as np
import waitress
from flask import Flask, Response, g, jsonify, render_template, request
from waitress.server import BaseWSGIServer, MultiSocketServer
from werkzeug.exceptions import HTTPException, InternalServerError, ServiceUnavailable, UnsupportedMediaType

from deployment.common import wording
from deployment.common.command_line import fail, port
from deployment.common.examples import EXAMPLES
from deployment.common.limits import ABSTRACT_CHARACTERS, PLACES, TITLE_CHARACTERS
from deployment.common.request_log import describe
from deployment.flask_app import log, openapi
from deployment.flask_app.paper_json import WrongField, check_length, read_question
from deployment.flask_app.request_queue import SECONDS, Busy, RequestQueue
from paper_tasks.errors import EmptyPaper, ModelError
from paper_tasks.paths import MODEL_DIR
from paper_tasks.tagger import language
from paper_tasks.tagger.classifier import TaskClassifier
from paper_tasks.tagger.wording import DISTANT_LABELS

# 256 abstracts as they are usually written need about 0.5 MB.
BODY_BYTES = 2 * 1024 * 1024
# Tasks shown below their threshold, as less certain.
NEAREST = 3
LEAST = 0.05
# Nothing but our own stylesheet and icon, no script at all, in nobody's frame.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
SENTENCES = {
    404: "There is nothing at this address.",
    413: f"This is too large: at most {BODY_BYTES:,} bytes are read.",
}


def create_app(classifier: TaskClassifier | None = None, places: int = PLACES, seconds: float = SECONDS) -> Flask:
    """The page and its API as a WSGI application; `places` and `seconds` are those of the line before the model.

    Raises ModelError where no classifier is given and the bundled model cannot be used.
    """
    classifier = classifier or TaskClassifier.load()
    line = RequestQueue(classifier, places, seconds)
    app = Flask("deployment.flask_app")
    # One limit, whether a form comes as a browser sends it or in parts.
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_FORM_MEMORY_SIZE"] = BODY_BYTES
    app.json.sort_keys = False
    log.install(app)

    def ask(papers: list[tuple[str, str]]) -> np.ndarray:
        """float32 (papers, labels). Raises EmptyPaper, and ServiceUnavailable with the time to come back."""
        g.papers = len(papers)
        abandoned = request.environ.get("waitress.client_disconnected", lambda: False)
        try:
            return line.probabilities(papers, abandoned)
        except Busy as error:
            raise ServiceUnavailable(str(error), retry_after=error.retry_after) from None

    def page(title: str = "", abstract: str = "", **found: object) -> str:
        limits = {"title_characters": TITLE_CHARACTERS, "abstract_characters": ABSTRACT_CHARACTERS}
        texts = {"name": wording.NAME, "title": title, "abstract": abstract, "examples": list(EXAMPLES)}
        about = {
            "config": classifier.config,
            "area": classifier.area,
            "threshold": classifier.threshold,
            "distant_labels": DISTANT_LABELS,
        }
        return render_template("page.html", **about, **texts, **limits, **found)

    def tags_page(title: str, abstract: str) -> str:
        try:
            probabilities = ask([(title, abstract)])
        except EmptyPaper:
            raise WrongField("abstract", wording.NO_WORDS) from None
        (tags,) = classifier.rank(probabilities)
        # Beside tasks that are certain, one of 1% is no help.
        (likeliest,) = classifier.rank(probabilities, len(tags) + NEAREST, LEAST if tags else 0.0)
        named = {tag.task for tag in tags}
        nearest = [tag for tag in likeliest if tag.task not in named][:NEAREST]
        return page(title, abstract, tags=tags, nearest=nearest, note=language.note(title, abstract))

    @app.get("/")
    def form() -> str:
        """The empty form; or, of the papers made up to try it, the one named by `?example=`."""
        paper = EXAMPLES.get(request.args.get("example", ""))
        return tags_page(*paper) if paper else page()

    @app.post("/")
    def submit() -> str:
        # A browser sends each line end of a text area as two characters, and counts it as one.
        title, abstract = (request.form.get(name, "").replace("\r\n", "\n") for name in ("title", "abstract"))
        check_length("title", title, TITLE_CHARACTERS)
        check_length("abstract", abstract, ABSTRACT_CHARACTERS)
        return tags_page(title, abstract)

    @app.post("/api/tasks")
    def tasks() -> Response:
        if request.mimetype != "application/json":
            raise UnsupportedMediaType("Send the papers as JSON, with the header Content-Type: application/json.")
        question = read_question(request.get_data())
        try:
            probabilities = ask(question.papers)
        except EmptyPaper as error:
            if question.alone:
                raise WrongField("abstract", wording.NO_WORDS) from None
            raise WrongField(f"papers[{error.index}]", f"papers[{error.index}]: {wording.NO_WORDS}") from None
        answers = [
            {"tasks": classifier.as_json(tags)} for tags in classifier.rank(probabilities, threshold=question.threshold)
        ]
        return jsonify(answers[0] if question.alone else {"papers": answers})

    @app.get("/api/vocabulary")
    def vocabulary() -> Response:
        return jsonify(
            labels=[
                {
                    "label": label,
                    "task": info.canonical,
                    "area": info.area,
                    "is_task": info.is_task,
                    "threshold": round(float(threshold), 4),
                }
                for label, threshold in zip(classifier.labels, classifier.thresholds, strict=True)
                for info in [classifier.config.task_info[label]]
            ]
        )

    @app.get("/healthz")
    def health() -> Response:
        if not line.ready:
            raise ServiceUnavailable("The model has not answered yet.", retry_after=Busy.retry_after)
        return jsonify(status="ready")

    @app.get("/openapi.json")
    def description() -> Response:
        return jsonify(openapi.document(BODY_BYTES, seconds))

    @app.errorhandler(Exception)
    def refuse(error: Exception) -> Response:
        """Every refusal in one sentence: as JSON from the API, on the page otherwise."""
        if not isinstance(error, HTTPException):
            g.fault = describe(error)
            error = InternalServerError()
        field, sentence = getattr(error, "field", None), SENTENCES.get(error.code, error.description)
        if error.code == 500:
            sentence = wording.fault(g.id)
        elif error.code == 405:
            sentence = f"{request.method} is not what this address takes; it takes {', '.join(error.valid_methods)}."
        if not _is_api(request.path):
            # What was typed stays; but a form that was too large, or none, cannot be read here either.
            typed = request.endpoint == "submit" and error.code != 413
            texts = {name: request.form.get(name, "") for name in ("title", "abstract")} if typed else {}
            response = app.make_response(page(**texts, error=sentence, field=field))
        else:
            response = jsonify({"error": sentence} | ({"field": field} if field else {}))
        response.status_code = error.code
        response.headers.extend(
            (name, value) for name, value in error.get_headers() if name in ("Allow", "Retry-After")
        )
        return response

    @app.after_request
    def make_safe(response: Response) -> Response:
        response.headers.update(HEADERS)
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"
        return response

    return app


def create_server(app: Flask, host: str, port: int) -> BaseWSGIServer | MultiSocketServer:
    """Waitress, listening and not yet serving. Raises OSError if the port is taken, ValueError for no such host."""
    return waitress.create_server(
        app,
        host=host,
        port=port,
        # All who stand in line, and some who ask for the page or are told that the line is full.
        threads=PLACES + 8,
        connection_limit=4 * PLACES,
        channel_timeout=30,
        # It looks for the next request meanwhile, and sees so that a client has gone.
        channel_request_lookahead=1,
        # What Flask reads is never written to a disk.
        inbuf_overflow=BODY_BYTES + 1,
        # Flask refuses with a sentence; far above its limit, waitress does not even wait for the rest.
        max_request_body_size=8 * BODY_BYTES,
        ident=None,
    )


def main(arguments: list[str] | None = None) -> None:
    """The command line. A model that cannot be read, or a port in use, gets one sentence and exit code 2."""
    parser = argparse.ArgumentParser(description="Serves the page that finds a paper's tasks, and its JSON API.")
    parser.add_argument("--model", type=Path, default=MODEL_DIR, help="folder of an exported model (default: bundled)")
    parser.add_argument("--host", default="127.0.0.1", help="address to serve at (default: %(default)s)")
    parser.add_argument("--port", type=port, default=8000, help="port to serve at (default: %(default)s)")
    options = parser.parse_args(arguments)
    place = f"{options.host}:{options.port}"
    try:
        server = create_server(create_app(TaskClassifier.load(options.model)), options.host, options.port)
    except ModelError as error:
        fail(str(error))
    except (OSError, ValueError) as error:
        fail(f"Cannot serve at {place} ({error}); choose another place with --host and --port.")
    # A host ends a program so; it is to be as orderly as Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"{wording.NAME} is at http://{place} (Ctrl-C ends it).", flush=True)
    server.run()


def _is_api(path: str) -> bool:
    return path.startswith("/api/") or path in ("/healthz", "/openapi.json")


if __name__ == "__main__":
    main()
