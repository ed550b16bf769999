"""The page and its API: each address, and what it answers."""

from flask import Flask, Response, g, jsonify, render_template, request
from werkzeug.exceptions import HTTPException, InternalServerError, ServiceUnavailable, UnsupportedMediaType

from deployment.common import wording
from deployment.common.examples import EXAMPLES
from deployment.common.limits import ABSTRACT_CHARACTERS, QUEUE_SIZE, TITLE_CHARACTERS
from deployment.common.request_log import describe
from deployment.flask_app import log, openapi
from deployment.flask_app.paper_json import WrongField, check_length, read_question
from deployment.flask_app.request_queue import SECONDS, Busy, RequestQueue
from paper_tasks.errors import EmptyPaper
from paper_tasks.tagger import language
from paper_tasks.tagger.classifier import MAIN, Probabilities, Tag, TaskClassifier, by_level
from paper_tasks.tagger.wording import DISTANT_LABELS, PROJECT

# 256 abstracts of the usual length need about 0.5 MB.
BODY_BYTES = 2 * 1024 * 1024
# Less certain tasks on the page: how many, and from which probability if other tasks are certain.
NEAREST = 3
LEAST = 0.05
# Our own stylesheet and icon alone, no script at all, and no frame around the page.
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


def create_app(
    classifier: TaskClassifier | None = None, queue_size: int = QUEUE_SIZE, seconds: float = SECONDS
) -> Flask:
    """The page and its API as a WSGI application; `queue_size` and `seconds` limit the queue before the model.

    Raises ModelError if there is no classifier and the bundled model cannot be used.
    """
    classifier = classifier or TaskClassifier.load()
    app = Flask("deployment.flask_app")
    # The same for a form in one part and in several.
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_FORM_MEMORY_SIZE"] = BODY_BYTES
    app.json.sort_keys = False  # type: ignore[attr-defined]  # of the provider that Flask starts with
    log.install(app)
    views = Views(app, classifier, RequestQueue(classifier, queue_size, seconds), seconds)
    # The names are those that the template asks `url_for` for.
    app.add_url_rule("/", "form", views.form)
    app.add_url_rule("/", "submit", views.submit, methods=["POST"])
    app.add_url_rule("/api/tasks", "tasks", views.tasks, methods=["POST"])
    app.add_url_rule("/api/vocabulary", "vocabulary", views.vocabulary)
    app.add_url_rule("/healthz", "health", views.health)
    app.add_url_rule("/openapi.json", "description", views.description)
    app.register_error_handler(Exception, views.refuse)
    app.after_request(_make_safe)
    return app


class Views:
    """The functions behind the addresses, over one classifier and the queue before it."""

    def __init__(self, app: Flask, classifier: TaskClassifier, queue: RequestQueue, seconds: float) -> None:
        self._app, self._classifier, self._queue, self._seconds = app, classifier, queue, seconds

    def form(self) -> str:
        """The page with an empty form, or with the invented paper that `?example=` names and its tasks."""
        paper = EXAMPLES.get(request.args.get("example", ""))
        return self._page_with_tags(*paper) if paper else self._page()

    def submit(self) -> str:
        """The page with the tasks of the paper in the form."""
        # A browser sends each line end of a text area as two characters, and counts it as one.
        title, abstract = (request.form.get(name, "").replace("\r\n", "\n") for name in ("title", "abstract"))
        check_length("title", title, TITLE_CHARACTERS)
        check_length("abstract", abstract, ABSTRACT_CHARACTERS)
        return self._page_with_tags(title, abstract)

    def tasks(self) -> Response:
        """The tasks and topics of one paper, or of each paper in a list, as JSON."""
        if request.mimetype != "application/json":
            raise UnsupportedMediaType("Send the papers as JSON, with the header Content-Type: application/json.")
        question = read_question(request.get_data())
        try:
            probabilities = self._ask(question.papers)
        except EmptyPaper as error:
            if question.alone:
                raise WrongField("abstract", wording.NO_WORDS) from None
            field = f"papers[{error.index}]"
            raise WrongField(field, f"{field}: {wording.NO_WORDS}") from None
        ranked = self._classifier.rank(probabilities, threshold=question.threshold)
        answers = [
            {"tasks": self._classifier.as_json(tags), "topics": self._classifier.topics(*paper)}
            for paper, tags in zip(question.papers, ranked, strict=True)
        ]
        return jsonify(answers[0] if question.alone else {"papers": answers})

    def vocabulary(self) -> Response:
        """Every label of the model, in its order."""
        labels = []
        for label, threshold in zip(self._classifier.labels, self._classifier.thresholds, strict=True):
            info = self._classifier.config.task_info[label]
            labels.append(
                {
                    "label": label,
                    "task": info.canonical,
                    "area": info.area,
                    "is_task": info.is_task,
                    "threshold": round(float(threshold), 4),
                }
            )
        return jsonify(labels=labels)

    def health(self) -> Response:
        """Whether the model has answered its first paper."""
        if not self._queue.ready:
            raise ServiceUnavailable("The model has not answered yet.", retry_after=Busy.retry_after)
        return jsonify(status="ready")

    def description(self) -> Response:
        """The API's description."""
        return jsonify(openapi.document(BODY_BYTES, self._seconds))

    def refuse(self, error: Exception) -> Response:
        """One sentence for every error: as JSON from the API, on the page otherwise."""
        if not isinstance(error, HTTPException):
            g.fault = describe(error)
            error = InternalServerError()
        field, sentence = getattr(error, "field", None), _sentence(error)
        if _is_api(request.path):
            response = jsonify({"error": sentence} | ({"field": field} if field else {}))
        else:
            # What was typed stays. A form that was too large cannot be read here, either.
            typed = request.endpoint == "submit" and error.code != 413
            texts = {name: request.form.get(name, "") for name in ("title", "abstract")} if typed else {}
            response = self._app.make_response(self._page(**texts, error=sentence, field=field))
        response.status_code = error.code or 500
        response.headers.extend(
            (name, value) for name, value in error.get_headers() if name in ("Allow", "Retry-After")
        )
        return response

    def _ask(self, papers: list[tuple[str, str]]) -> Probabilities:
        """The probabilities of both levels. Raises EmptyPaper, and ServiceUnavailable with the time to retry."""
        g.papers = len(papers)
        abandoned = request.environ.get("waitress.client_disconnected", lambda: False)
        try:
            return self._queue.probabilities(papers, abandoned)
        except Busy as error:
            raise ServiceUnavailable(str(error), retry_after=error.retry_after) from None

    def _page_with_tags(self, title: str, abstract: str) -> str:
        try:
            probabilities = self._ask([(title, abstract)])
        except EmptyPaper:
            raise WrongField("abstract", wording.NO_WORDS) from None
        (tags,) = self._classifier.rank(probabilities)
        # What the paper works on: beside tasks that are certain, a task of 1% is no help.
        (likeliest,) = self._classifier.rank(probabilities.main, len(tags) + NEAREST, LEAST if tags else 0.0)
        named = {tag.task for tag in tags}
        nearest = [tag for tag in likeliest if tag.task not in named][:NEAREST]
        main, also = by_level(tags)
        return self._page(
            title,
            abstract,
            main=main,
            also=also,
            nearest=nearest,
            topics=self._classifier.topics(title, abstract),
            note=language.note(title, abstract),
        )

    def _mark(self, tag: Tag) -> float:
        """The probability from which the model gives a tag: the mark on its bar."""
        if tag.level == MAIN or self._classifier.fits_threshold is None:
            return self._classifier.threshold(tag.task)
        return self._classifier.fits_threshold

    def _page(self, title: str = "", abstract: str = "", **found: object) -> str:
        return render_template(
            "page.html",
            name=PROJECT,
            title=title,
            abstract=abstract,
            title_characters=TITLE_CHARACTERS,
            abstract_characters=ABSTRACT_CHARACTERS,
            examples=list(EXAMPLES),
            config=self._classifier.config,
            distant_labels=DISTANT_LABELS,
            too_short=wording.TOO_SHORT,
            area=self._classifier.area,
            mark=self._mark,
            only_also=wording.ONLY_ALSO,
            **found,
        )


def _sentence(error: HTTPException) -> str:
    if error.code == 500:
        return wording.fault(g.id)
    if error.code == 405:
        methods = ", ".join(getattr(error, "valid_methods", None) or ())
        return f"This address does not take {request.method}; it takes {methods}."
    return SENTENCES.get(error.code or 0) or error.description or "This request cannot be answered."


def _make_safe(response: Response) -> Response:
    response.headers.update(HEADERS)
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    return response


def _is_api(path: str) -> bool:
    return path.startswith("/api/") or path in ("/healthz", "/openapi.json")
