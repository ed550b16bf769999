"""The Flask page and its API: every address and limit, through Flask's client; the program, as a program."""

import json
import logging
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep

import httpx
import pytest
import yaml

from deployment import web
from deployment.classifier import MODEL_DIR, TaskClassifier
from deployment.examples import EXAMPLES
from deployment.limits import ABSTRACT_CHARACTERS, PAPERS, TITLE_CHARACTERS
from tests.deployment.test_app import ROOT, free_port, start, wait_until_up

PAPER = {"title": "Faster pedestrian detection", "abstract": "A pedestrian detector for crowded streets."}


@pytest.fixture(scope="module")
def classifier():
    return TaskClassifier.load()


@pytest.fixture(scope="module")
def client(classifier):
    # The time is not what is tested here, and the machine may be a slow one.
    return web.create_app(classifier, seconds=600).test_client()


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


def test_the_threshold_is_marked_on_each_bar_and_what_is_below_it_is_told_apart(client, classifier, monkeypatch):
    monkeypatch.setattr(web, "LEAST", 0.0)
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
    page = web.create_app(classifier).test_client().post("/", data=PAPER).text
    assert "not certain of any task" in page and "Less certain" in page and "<title>No certain task" in page
    assert len(re.findall('class="percent"', page)) == web.NEAREST


def test_a_text_in_another_language_is_told(client):
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
def test_the_form_tells_what_is_wrong_beside_the_field(client, texts, field, word):
    response = client.post("/", data=texts)
    assert response.status_code == 422
    assert word in re.search(r'role="alert">(.*?)<', response.text)[1] and "<title>Error: " in response.text
    assert re.search(rf'name="{field}"[^>]*aria-invalid="true" aria-describedby="answer"', response.text)


def test_a_line_end_counts_as_one_character(client):
    assert client.post("/", data={"abstract": "a\r\n" * (ABSTRACT_CHARACTERS // 2)}).status_code == 200


def test_a_form_too_large_is_told_on_the_page(client):
    response = client.post("/", data={"abstract": "x" * (web.BODY_BYTES + 1)})
    assert response.status_code == 413 and "too large" in response.text and "<form" in response.text


def test_one_paper_as_json(client):
    tasks = client.post("/api/tasks", json=PAPER).json["tasks"]
    assert tasks[0] == {
        "task": "Pedestrian Detection",
        "probability": tasks[0]["probability"],
        "area": "computer vision",
    }
    probabilities = [task["probability"] for task in tasks]
    assert probabilities == sorted(probabilities, reverse=True)


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
    refused(client.post("/api/tasks", data=b" " * (web.BODY_BYTES + 1), **as_json), 413, "bytes")
    assert refused(client.post("/api/tasks", json={"title": 1}), 422)["field"] == "title"
    assert refused(client.post("/api/tasks", json={}), 422, "nothing to read")["field"] == "abstract"
    papers = [{"title": "a"}, {"title": " "}]
    assert refused(client.post("/api/tasks", json={"papers": papers}), 422, "papers[1]")["field"] == "papers[1]"


def test_a_wrong_address_or_method_is_told_in_the_form_of_its_door(client):
    refused(client.get("/api/absent"), 404, "nothing")
    response = client.get("/api/tasks")
    refused(response, 405, "GET", "POST")
    assert "POST" in response.headers["Allow"]
    refused(client.post("/healthz"), 405)
    page = client.get("/absent")
    assert page.status_code == 404 and page.mimetype == "text/html" and "There is nothing" in page.text
    assert client.put("/", data="x" * (web.BODY_BYTES + 1)).status_code == 405


def test_no_other_file_is_served(client):
    for path in ("web.py", "../web.py", "%2e%2e/web.py", "..%2f..%2fREADME.md", "/etc/passwd"):
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

    def probabilities(self, papers):
        assert self.open.wait(10)
        if self.fault:
            raise RuntimeError(self.fault)
        return super().probabilities(papers)


@pytest.fixture
def slow(classifier):
    slow = Slow(classifier._session, classifier._tokenizer, classifier.config, classifier.names)
    slow.open = Event()
    yield slow
    slow.open.set()


def test_health_waits_for_the_models_first_answer(slow):
    client = web.create_app(slow).test_client()
    response = client.get("/healthz")
    refused(response, 503, "not answered")
    assert int(response.headers["Retry-After"]) > 0
    slow.open.set()
    deadline = monotonic() + 10
    while client.get("/healthz").status_code == 503:
        assert monotonic() < deadline
        sleep(0.01)
    assert client.get("/healthz").json == {"status": "ready"}


@pytest.mark.parametrize("limits, word", [({"places": 0}, "Too many"), ({"seconds": 0.05}, "0.05 seconds")])
def test_who_cannot_be_served_now_is_told_when_to_come_back(slow, limits, word):
    client = web.create_app(slow, **limits).test_client()
    response = client.post("/api/tasks", json=PAPER)
    refused(response, 503, word)
    assert int(response.headers["Retry-After"]) > 0
    page = client.post("/", data=PAPER)
    assert page.status_code == 503 and word in page.text and PAPER["abstract"] in page.text
    assert int(page.headers["Retry-After"]) > 0


def test_a_fault_of_ours_is_a_sentence_and_quotes_no_text(slow, caplog):
    client = web.create_app(slow).test_client()
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
    headers = client.get(path).headers
    assert dict(headers).items() >= web.HEADERS.items() and "X-Request-Id" in headers
    assert "unsafe" not in headers["Content-Security-Policy"] and "*" not in headers["Content-Security-Policy"]
    assert ("no-store" in headers["Cache-Control"]) == (not path.startswith("/static"))


def test_the_page_needs_nothing_that_its_policy_forbids(client):
    page = client.post("/", data=PAPER).text
    assert not re.search(r"\sstyle=|<style|\son\w+=|javascript:|<script", page)
    assert re.findall(r'(?:src|href)="(?!/|#)', page) == []
    stylesheet = client.get("/static/style.css").text
    assert "url(" not in stylesheet and "@import" not in stylesheet


# The program


@pytest.fixture(scope="module")
def address():
    port = free_port()
    process = start("--port", port, command=("-m", "deployment.web"))
    try:
        wait_until_up(process, f"http://127.0.0.1:{port}/")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_the_program_serves(address):
    assert httpx.post(f"{address}/api/tasks", json=PAPER).json()["tasks"][0]["task"] == "Pedestrian Detection"
    response = httpx.get(f"{address}/")
    assert response.status_code == 200 and "server" not in response.headers


def test_the_servers_own_limit_is_above_flasks(address):
    just_too_large = httpx.post(
        f"{address}/api/tasks", content=b" " * (web.BODY_BYTES + 1), headers={"Content-Type": "application/json"}
    )
    assert just_too_large.status_code == 413 and "bytes" in just_too_large.json()["error"]
    in_chunks = httpx.post(f"{address}/api/tasks", content=iter([b" " * web.BODY_BYTES] * 9))
    assert in_chunks.status_code == 413


@pytest.fixture
def serve():
    """Serves an application as the program does, from a thread of this process, and gives its port."""
    servers = []

    def run(server):
        # When it is closed from outside.
        with suppress(OSError):
            server.run()

    def serve(app):
        servers.append(web.create_server(app, "127.0.0.1", free_port()))
        Thread(target=run, args=servers[-1:], daemon=True).start()
        return servers[-1].effective_port

    yield serve
    for server in servers:
        server.close()


def test_no_text_is_written_to_a_disk(classifier, serve, monkeypatch):
    written = []
    monkeypatch.setattr("tempfile.TemporaryFile", lambda *_: written.append(1) or BytesIO())
    content = json.dumps(PAPER).encode() + b" " * (web.BODY_BYTES - 1000)
    response = httpx.post(
        f"http://127.0.0.1:{serve(web.create_app(classifier))}/api/tasks",
        content=content,
        headers={"Content-Type": "application/json"},
    )
    assert response.json()["tasks"] and not written


def test_nobody_waits_for_the_batch_of_a_client_that_has_gone(classifier, serve, monkeypatch):
    answered, ask = [], classifier.probabilities

    def slowly(papers):
        sleep(0.02)
        answered.append(papers)
        return ask(papers)

    monkeypatch.setattr(classifier, "probabilities", slowly)
    port = serve(web.create_app(classifier))
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"http://127.0.0.1:{port}/api/tasks", json={"papers": [PAPER] * 256}, timeout=0.5)
    sleep(0.5)
    so_far = len(answered)
    sleep(0.5)
    assert 1 < so_far == len(answered) < 256


def test_the_readmes_curl_is_answered_as_it_tells(address):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    command, answer = re.search(r"(?s)```sh\n(curl .*?)\n# (\{.*?)\n", readme).groups()
    command = command.replace("http://127.0.0.1:8000", address)
    assert address in command
    shell = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    told = re.search(r'"task":\s*"(.+?)"', answer)[1]
    assert json.loads(shell.stdout)["tasks"][0]["task"] == told


@pytest.mark.parametrize("what", ["port", "host", "model"])
def test_a_wrong_start_is_told_in_a_sentence(address, tmp_path, capsys, what):
    arguments = {
        "port": ["--port", address.rsplit(":", 1)[1]],
        "host": ["--host", "no.such.host.invalid"],
        "model": ["--model", str(tmp_path)],
    }
    with pytest.raises(SystemExit) as end:
        web.main(arguments[what])
    (error,) = capsys.readouterr().err.splitlines()
    assert end.value.code == 2 and error.startswith("error: ") and error.endswith(".")
    assert str(arguments[what][1]) in error


def test_a_corrupt_model_stops_the_start(tmp_path):
    folder = shutil.copytree(MODEL_DIR, tmp_path / "model")
    (folder / "tokenizer.json").write_bytes(b"{}")
    process = start("--model", folder, command=("-m", "deployment.web"))
    _, errors = process.communicate(timeout=120)
    (error,) = errors.splitlines()
    assert process.returncode == 2 and error.startswith("error: ") and "tokenizer.json" in error


def test_the_folder_alone_serves_logs_in_json_and_ends_when_told(tmp_path):
    """Copied elsewhere, so that nothing of the repository is at hand."""
    folder = tmp_path / "deployment"
    folder.mkdir()
    for path in (ROOT / "deployment").iterdir():
        if path.suffix == ".py":
            shutil.copy(path, folder)
    for name in ("templates", "static", "model"):
        (folder / name).symlink_to(ROOT / "deployment" / name)
    port = free_port()
    process = start("--port", port, folder=tmp_path, command=("-m", "deployment.web"))
    wait_until_up(process, f"http://127.0.0.1:{port}/")
    httpx.post(f"http://127.0.0.1:{port}/", data=PAPER).raise_for_status()
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 0 and "Ctrl-C" in output
    lines = [json.loads(line) for line in errors.splitlines()]
    assert lines[-1]["papers"] == 1 and lines[-1]["path"] == "/" and "pedestrian" not in errors


def test_no_training_framework_and_no_gradio_is_loaded():
    code = "import sys, deployment.web; print({'torch', 'transformers', 'gradio', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# The hosts


def test_both_hosts_start_the_same_program():
    (service,) = yaml.safe_load((ROOT / "render.yaml").read_text(encoding="utf-8"))["services"]
    procfile = (ROOT / "Procfile").read_text(encoding="utf-8")
    assert procfile == f"web: {service['startCommand']}\n"
    requirements = re.fullmatch(r"pip install -r (\S+)", service["buildCommand"])[1]
    assert (ROOT / requirements).exists() and service["healthCheckPath"] == "/healthz"


def test_its_requirements_are_those_of_the_app():
    def pins(name):
        return dict(re.findall(r"^([\w-]+)==(\S+)", Path(ROOT / "deployment" / name).read_text("utf-8"), re.MULTILINE))

    app, page = pins("requirements.txt"), pins("requirements-web.txt")
    assert page.keys() - app.keys() == {"flask", "waitress"}
    # arXiv is asked by the app alone.
    assert page.keys() & app.keys() == app.keys() - {"gradio", "httpx", "defusedxml"}
    assert all(app[name] == page[name] for name in page.keys() & app.keys())
