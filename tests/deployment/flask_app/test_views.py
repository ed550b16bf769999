"""The Flask page and its API: every address and limit, through Flask's client."""

import json
import logging
import re
from io import BytesIO
from threading import Event
from time import monotonic, sleep

import pytest

from deployment.common.examples import EXAMPLES
from deployment.common.limits import ABSTRACT_CHARACTERS, PAPERS, TITLE_CHARACTERS
from deployment.flask_app import views
from paper_tasks.tagger.classifier import TaskClassifier
from tests.stub import StubClassifier

PAPER = {"title": "Faster pedestrian detection", "abstract": "A pedestrian detector for crowded streets."}


@pytest.fixture(scope="module")
def client(classifier):
    # The time is not what is tested here, and the machine may be a slow one.
    return views.create_app(classifier, seconds=600).test_client()


def refused(response, status, *words):
    """Whether the answer is one JSON sentence with all of these words; returns the answer."""
    assert response.status_code == status and response.mimetype == "application/json"
    assert response.json.keys() <= {"error", "field"}
    assert "\n" not in response.json["error"] and response.json["error"].endswith((".", "}."))
    for word in words:
        assert word in response.json["error"]
    return response.json


def test_the_form_is_shown(client):
    page = client.get("/").text
    assert '<label for="title">' in page and '<label for="abstract">' in page and "<script" not in page
    assert "distant labels" in page and 'role="alert"' not in page


def test_the_form_is_answered(client, classifier):
    page = client.post("/", data=PAPER).text
    assert re.search(r'class="task">Pedestrian Detection</span> <span class="area">computer vision<', page)
    percents = [int(percent) for percent in re.findall(r'class="percent">(\d+)%', page)]
    assert percents == sorted(percents, reverse=True)
    assert [int(width) for width in re.findall(r'class="fill" width="(\d+)%"', page)] == percents
    # Below the threshold stand the less certain ones, which are not counted.
    certain = [percent for percent in percents if percent >= 100 * classifier.default_threshold]
    assert f"<title>{len(certain)} task" in page and PAPER["abstract"] in page


def test_the_threshold_is_marked_on_each_bar_and_tasks_below_it_are_separate(client, classifier, monkeypatch):
    monkeypatch.setattr(views, "LEAST", 0.0)
    page = client.post("/", data=PAPER).text
    named, _, less = page.partition("Less certain")
    assert named and less
    for part in (named, less):
        shares = re.findall(r'class="fill" width="(\d+)%"[^<]*/>\s*<rect class="threshold" x="(\d+)%"', part)
        assert len(shares) == len(re.findall('class="percent"', part)) > 0
        assert all((int(fill) >= int(mark)) == (part is named) for fill, mark in shares)
    assert classifier.threshold("Object Detection") == classifier.threshold("object-detection")


def test_every_example_is_answered(client):
    for name in EXAMPLES:
        page = client.get("/", query_string={"example": name}).text
        assert "not certain of any task" not in page and 'class="percent"' in page
        assert re.search(r"<textarea[^>]*>\n\w", page)
    assert 'class="percent"' not in client.get("/?example=none").text


def test_where_no_task_reaches_its_threshold_the_nearest_are_shown(classifier, monkeypatch):
    monkeypatch.setattr(classifier, "thresholds", classifier.thresholds * 0 + 1)
    page = views.create_app(classifier).test_client().post("/", data=PAPER).text
    assert "not certain of any task" in page and "Less certain" in page and "<title>No certain task" in page
    assert len(re.findall('class="percent"', page)) == views.NEAREST


def test_a_text_in_another_language_is_reported(client):
    assert "does not look like English" in client.post("/", data={"title": "夜間の歩行者検出"}).text
    assert "does not look like English" not in client.post("/", data=PAPER).text


def test_what_is_typed_is_escaped_and_kept(client):
    title, abstract = '"><script>alert(1)</script>', "\n</textarea><b>x</b> & {{ 7 * 7 }}"
    page = client.post("/", data={"title": title, "abstract": abstract}).text
    assert "<script" not in page and "<b>" not in page and "49" not in re.search("(?s)<textarea.*", page)[0][:200]
    assert ">\n\n&lt;/textarea&gt;" in page, "the first line end of a text area is not the text's"


@pytest.mark.parametrize(
    "texts, field, word",
    [
        ({}, "abstract", "nothing to read"),
        ({"title": " ", "abstract": "\u200b"}, "abstract", "nothing to read"),
        ({"title": "x" * (TITLE_CHARACTERS + 1)}, "title", "1,000"),
        ({"abstract": "x" * (ABSTRACT_CHARACTERS + 1)}, "abstract", "20,000"),
    ],
)
def test_the_form_says_what_is_wrong_and_marks_the_field(client, texts, field, word):
    response = client.post("/", data=texts)
    assert response.status_code == 422
    assert word in re.search(r'role="alert">(.*?)<', response.text)[1] and "<title>Error: " in response.text
    assert re.search(rf'name="{field}"[^>]*aria-invalid="true" aria-describedby="answer"', response.text)


def test_a_line_end_counts_as_one_character(client):
    assert client.post("/", data={"abstract": "a\r\n" * (ABSTRACT_CHARACTERS // 2)}).status_code == 200


def test_a_form_that_is_too_large_is_reported_on_the_page(client):
    response = client.post("/", data={"abstract": "x" * (views.BODY_BYTES + 1)})
    assert response.status_code == 413 and "too large" in response.text and "<form" in response.text


def test_one_paper_as_json(client):
    tasks = client.post("/api/tasks", json=PAPER).json["tasks"]
    assert tasks[0] == {
        "task": "Pedestrian Detection",
        "probability": tasks[0]["probability"],
        "level": "main",
        "area": "computer vision",
    }
    probabilities = [task["probability"] for task in tasks]
    assert probabilities == sorted(probabilities, reverse=True)


def test_names_that_are_no_tasks_are_topics(client):
    answer = client.post("/api/tasks", json={"title": "Pedestrian detection", "abstract": "Measured by SSIM."}).json
    assert answer["topics"] == ["SSIM"] and "SSIM" not in [task["task"] for task in answer["tasks"]]
    page = client.post("/", data={"title": "Pedestrian detection", "abstract": "Measured by SSIM."}).text
    assert '<p class="topics">Topics: SSIM</p>' in page and "Topics" not in client.post("/", data=PAPER).text


@pytest.fixture
def two_levels():
    return views.create_app(StubClassifier(fits_threshold=0.4), seconds=600).test_client()


def test_both_levels_as_json(two_levels):
    tasks = two_levels.post("/api/tasks", json={"title": "Paper 3"}).json["tasks"]
    assert [task["level"] for task in tasks] == ["main", "ok", "ok"]
    assert two_levels.post("/api/tasks", json={"title": "Paper 3", "threshold": 1}).json["tasks"] == []


def test_tasks_that_also_fit_stand_apart_on_the_page(two_levels):
    page = two_levels.post("/", data={"title": "Paper 3"}).text
    main, _, also = page.partition("<h3>Also</h3>")
    assert "<h3>Works on</h3>" in main and "<title>3 tasks found" in main and "under Also" in also
    assert main.count('class="percent"') == 1 and also.count('class="percent"') == 2
    assert 'x="50%"' in main and 'x="40%"' in also and 'x="40%"' not in main


def test_less_certain_tasks_are_what_a_paper_may_work_on():
    client = views.create_app(StubClassifier(fits_threshold=0.9), seconds=600).test_client()
    less = client.post("/", data={"title": "Paper 1"}).text.partition("Less certain")[2]
    assert 'x="50%"' in less and 'x="90%"' not in less


def test_a_paper_that_no_task_is_worked_on_says_so(two_levels):
    page = two_levels.post("/", data={"title": "Paper 5"}).text
    assert "finds no task that the paper works on" in page and "<h3>Also</h3>" in page
    assert "Works on</h3>" not in page and "under Also" in page


def test_many_papers_answer_in_their_order(client):
    papers = [{"title": title, "abstract": abstract} for title, abstract in EXAMPLES.values()]
    together = client.post("/api/tasks", json={"papers": papers}).json["papers"]
    assert together == [client.post("/api/tasks", json=paper).json for paper in papers]


def test_a_threshold_may_be_asked_for(client):
    everything = client.post("/api/tasks", json=PAPER | {"threshold": 0}).json["tasks"]
    assert len(everything) > 150 and client.post("/api/tasks", json=PAPER | {"threshold": 1}).json["tasks"] == []


def test_the_most_papers_are_answered(client):
    answer = client.post("/api/tasks", json={"papers": [{"title": "A"}] * PAPERS})
    assert answer.status_code == 200 and len(answer.json["papers"]) == PAPERS


def test_a_large_form_is_read_however_it_is_sent(client):
    for form in ({"abstract": "a" * 600_000}, {"abstract": "a" * 600_000, "title": (BytesIO(b"a"), "a.txt")}):
        answer = client.post("/", data=form)
        assert answer.status_code == 422 and "at most 20,000 are read" in answer.text


@pytest.mark.parametrize("text", ["<script>", r"$\alpha$", "物体検出", "\ud800x", "\x00y", "x" * TITLE_CHARACTERS])
def test_odd_texts_are_answered(client, text):
    assert client.post("/api/tasks", json={"title": text}).status_code == 200
    assert client.post("/", data={"title": text.encode("utf-8", "replace")}).status_code == 200


def test_what_cannot_be_read_is_refused_in_a_sentence(client):
    as_json = {"content_type": "application/json"}
    refused(client.post("/api/tasks", data="{", **as_json), 400, "not JSON")
    refused(client.post("/api/tasks", data="[" * 100_000, **as_json), 400, "not JSON")
    refused(client.post("/api/tasks", data="{}"), 415, "application/json")
    refused(client.post("/api/tasks", data=b" " * (views.BODY_BYTES + 1), **as_json), 413, "bytes")
    assert refused(client.post("/api/tasks", json={"title": 1}), 422)["field"] == "title"
    assert refused(client.post("/api/tasks", json={}), 422, "nothing to read")["field"] == "abstract"
    papers = [{"title": "a"}, {"title": " "}]
    assert refused(client.post("/api/tasks", json={"papers": papers}), 422, "papers[1]")["field"] == "papers[1]"


def test_a_wrong_address_or_method_is_reported_as_json_or_on_the_page(client):
    refused(client.get("/api/absent"), 404, "nothing")
    response = client.get("/api/tasks")
    refused(response, 405, "GET", "POST")
    assert "POST" in response.headers["Allow"]
    refused(client.post("/healthz"), 405)
    page = client.get("/absent")
    assert page.status_code == 404 and page.mimetype == "text/html" and "There is nothing" in page.text
    assert client.put("/", data="x" * (views.BODY_BYTES + 1)).status_code == 405


def test_no_other_file_is_served(client):
    for path in ("views.py", "../views.py", "%2e%2e/views.py", "..%2f..%2fREADME.md", "/etc/passwd"):
        assert client.get(f"/static/{path}", follow_redirects=True).status_code == 404


def test_the_vocabulary_is_the_models(client, classifier):
    labels = client.get("/api/vocabulary").json["labels"]
    assert [label["label"] for label in labels] == list(classifier.labels)
    by_name = {label["label"]: label for label in labels}
    assert by_name["object-detection"]["task"] == "Object Detection" and not by_name["Navigate"]["is_task"]
    assert by_name["Machine Translation"]["area"] == "language"
    assert [label["threshold"] for label in labels] == pytest.approx(classifier.thresholds.tolist(), abs=1e-4)


class Slow(TaskClassifier):
    """Answers once `open` is set; the words of `fault` are an error that quotes a text."""

    fault = None

    def both_levels(self, papers):
        assert self.open.wait(10)
        if self.fault:
            raise RuntimeError(self.fault)
        return super().both_levels(papers)


@pytest.fixture
def slow(classifier):
    slow = Slow(classifier._session, classifier._tokenizer, classifier.config, classifier.names)
    slow.open = Event()
    yield slow
    slow.open.set()


def test_health_waits_for_the_models_first_answer(slow):
    client = views.create_app(slow).test_client()
    response = client.get("/healthz")
    refused(response, 503, "not answered")
    assert int(response.headers["Retry-After"]) > 0
    slow.open.set()
    deadline = monotonic() + 10
    while client.get("/healthz").status_code == 503:
        assert monotonic() < deadline
        sleep(0.01)
    assert client.get("/healthz").json == {"status": "ready"}


@pytest.mark.parametrize("limits, word", [({"queue_size": 0}, "Too many"), ({"seconds": 0.05}, "0.05 seconds")])
def test_a_request_that_cannot_be_served_now_gets_the_time_to_retry(slow, limits, word):
    client = views.create_app(slow, **limits).test_client()
    response = client.post("/api/tasks", json=PAPER)
    refused(response, 503, word)
    assert int(response.headers["Retry-After"]) > 0
    page = client.post("/", data=PAPER)
    assert page.status_code == 503 and word in page.text and PAPER["abstract"] in page.text
    assert int(page.headers["Retry-After"]) > 0


def test_a_fault_of_ours_is_a_sentence_and_quotes_no_text(slow, caplog):
    client = views.create_app(slow).test_client()
    slow.open.set()
    slow.fault = "a secret abstract"
    response = client.post("/api/tasks", json=PAPER)
    refused(response, 500, "Something went wrong", response.headers["X-Request-Id"])
    page = client.post("/", data=PAPER)
    assert page.status_code == 500 and "Something went wrong" in page.text
    faults = [record.fields["fault"] for record in caplog.records if "fault" in getattr(record, "fields", {})]
    assert len(faults) == 2 and all(fault.startswith("RuntimeError at ") for fault in faults)
    assert "secret" not in caplog.text + page.text and "Traceback" not in caplog.text


def test_the_log_has_the_request_and_not_its_text(client, caplog):
    with caplog.at_level(logging.INFO):
        response = client.post("/api/tasks", json={"papers": [PAPER] * 3})
    (fields,) = [record.fields for record in caplog.records if hasattr(record, "fields")]
    assert fields["papers"] == 3 and fields["status"] == 200 and fields["path"] == "/api/tasks"
    assert fields["id"] == response.headers["X-Request-Id"]
    assert "pedestrian" not in json.dumps(fields)


@pytest.mark.parametrize("path", ["/", "/absent", "/api/vocabulary", "/api/absent", "/static/style.css", "/healthz"])
def test_every_answer_has_the_safety_headers(client, path):
    # Closed, because a static file is sent as it is read.
    with client.get(path) as response:
        headers = response.headers
    assert dict(headers).items() >= views.HEADERS.items() and "X-Request-Id" in headers
    assert "unsafe" not in headers["Content-Security-Policy"] and "*" not in headers["Content-Security-Policy"]
    assert ("no-store" in headers["Cache-Control"]) == (not path.startswith("/static"))


def test_the_page_needs_nothing_that_its_policy_forbids(client):
    page = client.post("/", data=PAPER).text
    assert not re.search(r"\sstyle=|<style|\son\w+=|javascript:|<script", page)
    assert re.findall(r'(?:src|href)="(?!/|#)', page) == []
    with client.get("/static/style.css") as response:
        stylesheet = response.text
    assert "url(" not in stylesheet and "@import" not in stylesheet
