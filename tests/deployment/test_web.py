"""The Flask page as a program and behind its server; and as hosts start it."""

import json
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from threading import Thread
from time import sleep

import httpx
import pytest
import yaml

from deployment import web
from deployment.flask_app.server import create_server
from deployment.flask_app.views import BODY_BYTES, create_app
from paper_tasks.export import space
from paper_tasks.paths import MODEL_DIR
from tests import ROOT
from tests.deployment.flask_app.test_views import PAPER
from tests.deployment.server import WEB, free_port, start, wait_until_up


@pytest.fixture(scope="module")
def address():
    port = free_port()
    process = start("--port", port, command=WEB)
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
        f"{address}/api/tasks", content=b" " * (BODY_BYTES + 1), headers={"Content-Type": "application/json"}
    )
    assert just_too_large.status_code == 413 and "bytes" in just_too_large.json()["error"]
    in_chunks = httpx.post(f"{address}/api/tasks", content=iter([b" " * BODY_BYTES] * 9))
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
        servers.append(create_server(app, "127.0.0.1", free_port()))
        Thread(target=run, args=servers[-1:], daemon=True).start()
        return servers[-1].effective_port

    yield serve
    for server in servers:
        server.close()


def test_no_text_is_written_to_a_disk(classifier, serve, monkeypatch):
    written = []
    monkeypatch.setattr("tempfile.TemporaryFile", lambda *_: written.append(1) or BytesIO())
    content = json.dumps(PAPER).encode() + b" " * (BODY_BYTES - 1000)
    response = httpx.post(
        f"http://127.0.0.1:{serve(create_app(classifier))}/api/tasks",
        content=content,
        headers={"Content-Type": "application/json"},
    )
    assert response.json()["tasks"] and not written


def test_nobody_waits_for_the_batch_of_a_client_that_has_gone(classifier, serve, monkeypatch):
    answered, ask = [], classifier.both_levels

    def slowly(papers):
        sleep(0.02)
        answered.append(papers)
        return ask(papers)

    monkeypatch.setattr(classifier, "both_levels", slowly)
    port = serve(create_app(classifier))
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"http://127.0.0.1:{port}/api/tasks", json={"papers": [PAPER] * 256}, timeout=0.5)
    sleep(0.5)
    so_far = len(answered)
    sleep(0.5)
    assert 1 < so_far == len(answered) < 256


@pytest.mark.parametrize("what", ["port", "host", "model"])
def test_a_wrong_start_is_reported_in_a_sentence(address, tmp_path, capsys, what):
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
    process = start("--model", folder, command=WEB)
    _, errors = process.communicate(timeout=120)
    (error,) = errors.splitlines()
    assert process.returncode == 2 and error.startswith("error: ") and "tokenizer.json" in error


def test_its_modules_alone_serve_and_log_json_and_end_when_asked(tmp_path):
    """Copied elsewhere, so that the program cannot reach the rest of the repository."""
    for name in space.modules(ROOT, "deployment.web"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "deployment" / "model").symlink_to(MODEL_DIR)
    port = free_port()
    process = start("--port", port, folder=tmp_path, command=WEB)
    wait_until_up(process, f"http://127.0.0.1:{port}/")
    httpx.post(f"http://127.0.0.1:{port}/", data=PAPER).raise_for_status()
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 0 and "Ctrl-C" in output
    lines = [json.loads(line) for line in errors.splitlines()]
    assert lines[-1]["papers"] == 1 and lines[-1]["path"] == "/" and "pedestrian" not in errors


def test_no_training_framework_and_no_gradio_is_loaded():
    code = (
        "import sys, deployment.web, deployment.flask_app.server;"
        "print({'torch', 'transformers', 'gradio', 'pandas'} & set(sys.modules))"
    )
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
    # The app alone asks arXiv; Flask brings jinja2 along.
    assert page.keys() & app.keys() == app.keys() - {"gradio", "httpx", "defusedxml", "jinja2"}
    assert all(app[name] == page[name] for name in page.keys() & app.keys())
