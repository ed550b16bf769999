"""The app on loopback, asked through gradio's own client; and as a program."""

import os
import signal
import sys
import time
from functools import partial

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from deployment import app
from tests import ROOT
from tests.deployment.server import free_port, start, wait_until_up


@pytest.fixture(scope="module")
def client(app_url):
    return Client(app_url, verbose=False)


def test_tag_answers_ranked_tasks(client):
    tags = client.predict(
        title="Faster pedestrian detection", abstract="A detector for crowded streets.", api_name="/tag"
    )
    assert "Pedestrian Detection" in [tag["task"] for tag in tags]
    assert all(tag.keys() == {"task", "probability", "level", "area"} for tag in tags)
    assert [tag["probability"] for tag in tags] == sorted((tag["probability"] for tag in tags), reverse=True)
    assert tags[0]["area"] == "computer vision"


def test_explain_answers_marked_reasons(client):
    paper = ("Second glances", "We find pedestrians at night. The code runs on a laptop.")
    reasons = client.predict(*paper, task="Pedestrian Detection", api_name="/explain")
    assert reasons.keys() == {"task", "probability", "text", "spans"}
    assert any(span["kind"] == "word" and "pedestrians" in span["text"] for span in reasons["spans"])
    for span in reasons["spans"]:
        assert reasons["text"][span["start"] : span["end"]] == span["text"] and span["without"] < reasons["probability"]
    assert client.predict(*paper, "Pedestrian Detection", "main", api_name="/explain") == reasons
    with pytest.raises(AppError, match="is not a level of this model"):
        client.predict(*paper, "Pedestrian Detection", "often", api_name="/explain")
    with pytest.raises(AppError, match="is not a task here"):
        client.predict(*paper, task="Gardening", api_name="/explain")


def test_these_endpoints_and_no_others(client):
    assert list(client.view_api(return_format="dict", print_info=False)["named_endpoints"]) == [
        "/tag",
        "/tag_batch",
        "/explain",
    ]


def test_nothing_to_read_is_reported(client):
    with pytest.raises(AppError, match="nothing to read"):
        client.predict(" ", "\u200b", api_name="/tag")


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", r"$\alpha$", "物体検出", "word " * 200_000])
def test_odd_texts_are_answered(client, text):
    assert isinstance(client.predict(text, text, api_name="/tag"), list)


def test_tag_batch_answers_in_order(client):
    papers = [{"title": "Pedestrian detection"}, {"title": "Question answering"}]
    detection, answering = client.predict(papers, api_name="/tag_batch")
    assert detection[0]["task"] == "Pedestrian Detection" and answering[0]["task"] == "Question Answering"
    with pytest.raises(AppError, match="at most 256"):
        client.predict(papers * 200, api_name="/tag_batch")


@pytest.mark.parametrize(
    "path",
    [
        *("deployment/app.py", "/etc/passwd", "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2fetc%2fpasswd"),
        *(
            str(ROOT / "deployment" / "app.py"),
            str(ROOT / "deployment" / "model" / "config.json"),
            "/proc/self/environ",
        ),
    ],
)
def test_no_file_of_the_server_is_readable(app_url, path):
    for prefix in ("file=", "file/", "static/", "upload/"):
        assert httpx.get(f"{app_url}/gradio_api/{prefix}{path}").status_code in (403, 404, 405)


@pytest.mark.parametrize("path", ["/etc/passwd", str(ROOT / "README.md"), "http://192.0.2.1/papers.csv"])
def test_no_file_or_address_is_taken_for_an_upload(app_url, path):
    """As a changed page could ask for, through the event behind its button."""
    config = httpx.get(f"{app_url}/config").json()
    upload = next(part["id"] for part in config["components"] if part["type"] == "file")
    event = next(event for event in config["dependencies"] if event["inputs"] == [upload])
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    call = {"data": [file], "fn_index": event["id"], "session_hash": "x"}
    httpx.post(f"{app_url}/gradio_api/queue/join", json=call).raise_for_status()
    with httpx.stream("GET", f"{app_url}/gradio_api/queue/data?session_hash=x", timeout=60) as answer:
        done = next(line for line in answer.iter_lines() if "process_completed" in line)
    assert '"success":false' in done and "root:" not in done
    if path.startswith("http"):
        assert "Nothing is fetched" in done


def test_no_address_is_fetched(app_url):
    answer = httpx.get(f"{app_url}/gradio_api/file=http://192.0.2.1/x")
    assert answer.status_code == 403 and "Nothing is fetched" in answer.text


def test_a_large_request_is_refused(app_url):
    for path in ("call/tag", "upload", "queue/join"):
        answer = httpx.post(f"{app_url}/gradio_api/{path}", content=b" " * 6_000_000)
        assert answer.status_code == 413


def test_nothing_passes_by_the_queue(app_url):
    for path, data in {"tag": ["A title", ""], "tag_batch": [[{"title": "A title"}]]}.items():
        for prefix in ("run", "api"):
            assert httpx.post(f"{app_url}/gradio_api/{prefix}/{path}", json={"data": data}).status_code == 404


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_whatever_it_is_doing(tmp_path, number):
    port = free_port()
    process = start("--port", port, GRADIO_TEMP_DIR=str(tmp_path))
    try:
        wait_until_up(process, f"http://127.0.0.1:{port}/")
        papers = [{"title": f"Pedestrian detection {index}", "abstract": "We look. " * 200} for index in range(255)]
        for _ in range(3):
            call = f"http://127.0.0.1:{port}/gradio_api/call/tag_batch"
            httpx.post(call, json={"data": [papers]}).raise_for_status()
        time.sleep(1.5)
        process.send_signal(number)
        _, errors = process.communicate(timeout=10)
    finally:
        process.kill()
    assert process.returncode == 0 and "terminate" not in errors and "Traceback" not in errors
    assert not list(tmp_path.glob("paper-tasks-*"))


@pytest.mark.slow
def test_no_upload_outlives_its_refusal_or_the_app(tmp_path):
    def files():
        return [path for path in tmp_path.rglob("*") if path.is_file()]

    def parts(megabytes):
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.csv"\r\n\r\n'
        for _ in range(megabytes):
            yield b"a" * 1_000_000
        yield b"\r\n--x--\r\n"

    # As a process leaves it that was killed long ago.
    left = tmp_path / "paper-tasks-left"
    left.mkdir()
    (left / "tmp1").touch()
    os.utime(left, (0, 0))
    port = free_port()
    process = start(GRADIO_SERVER_PORT=str(port), GRADIO_TEMP_DIR=str(tmp_path))
    try:
        wait_until_up(process, f"http://127.0.0.1:{port}/")
        address, form = (
            f"http://127.0.0.1:{port}/gradio_api/upload",
            {"Content-Type": "multipart/form-data; boundary=x"},
        )
        assert httpx.post(address, content=parts(6), headers=form).status_code == 413 and files() == []
        assert httpx.post(address, content=parts(4), headers=form).status_code == 200 and len(files()) == 1
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 0 and files() == [] and not list(tmp_path.glob("paper-tasks-*"))


@pytest.fixture
def run(run_main, monkeypatch):
    """Runs the program in this process, which leaves no handlers of signals behind."""
    # A signal from outside must not end the tests as if all had passed.
    monkeypatch.setattr(os, "_exit", sys.exit)
    # The program sets this variable; it gets its value back at the end.
    monkeypatch.setenv("GRADIO_TEMP_DIR", os.environ["GRADIO_TEMP_DIR"])
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    yield partial(run_main, app.main)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers


# Gradio waits some seconds for its server, whose thread has ended.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize(
    "what", ["port", "model", "number", "range", pytest.param("host", marks=pytest.mark.slow), "variable"]
)
def test_a_wrong_start_is_reported_in_a_sentence(run, app_url, tmp_path, monkeypatch, what):
    arguments = {
        "port": ["--port", app_url.rsplit(":", 1)[1]],
        "model": ["--model", tmp_path],
        "number": ["--port", "x"],
        "range": ["--port", "99999"],
        "host": ["--host", "no.such.host.invalid"],
    }
    if what == "variable":
        monkeypatch.setenv("GRADIO_SERVER_PORT", "x")
    done = run(*arguments.get(what, ()))
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "error: " in done.stderr.splitlines()[-1]


def test_help(run):
    done = run("--help")
    assert done.returncode == 0 and "--port" in done.stdout and "7860" in done.stdout
