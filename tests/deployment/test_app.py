"""The app as a program: started on loopback, asked through gradio's own client."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from deployment import page

ROOT = Path(__file__).parents[2]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(*arguments, folder=ROOT, command=("-m", "deployment.app"), stderr=subprocess.PIPE, **environment):
    return subprocess.Popen(
        [sys.executable, *command, *map(str, arguments)],
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )


def wait_until_up(process, url):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read()
        try:
            return httpx.get(url).raise_for_status()
        except httpx.TransportError:
            time.sleep(0.2)
    raise TimeoutError(url)


@pytest.fixture(scope="module")
def url():
    port = free_port()
    process = start(GRADIO_SERVER_PORT=str(port))
    try:
        wait_until_up(process, f"http://127.0.0.1:{port}/")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture(scope="module")
def client(url):
    return Client(url, verbose=False)


def test_tag_answers_ranked_tasks(client):
    tags = client.predict(
        title="Faster pedestrian detection", abstract="A detector for crowded streets.", api_name="/tag"
    )
    assert "Pedestrian Detection" in [tag["task"] for tag in tags]
    assert all(tag.keys() == {"task", "probability", "area"} for tag in tags)
    assert [tag["probability"] for tag in tags] == sorted((tag["probability"] for tag in tags), reverse=True)
    assert tags[0]["area"] == "computer vision"


def test_tag_is_the_only_endpoint(client):
    assert list(client.view_api(return_format="dict", print_info=False)["named_endpoints"]) == ["/tag"]


def test_nothing_to_read_is_told(client):
    with pytest.raises(AppError, match="nothing to read"):
        client.predict(" ", "\u200b", api_name="/tag")


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", r"$\alpha$", "物体検出", "word " * 200_000])
def test_odd_texts_are_answered(client, text):
    assert isinstance(client.predict(text, text, api_name="/tag"), list)


def test_no_file_of_the_server_is_readable(url):
    for path in ("deployment/app.py", "/etc/passwd", "../../etc/passwd"):
        assert httpx.get(f"{url}/gradio_api/file={path}").status_code in (403, 404)


@pytest.mark.parametrize("what", ["port", "model", "number"])
def test_a_wrong_start_is_told_in_a_sentence(url, tmp_path, what):
    arguments = {"port": ["--port", url.rsplit(":", 1)[1]], "model": ["--model", tmp_path], "number": ["--port", "x"]}
    process = start(*arguments[what])
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 2 and "Traceback" not in errors
    assert "error: " in errors.splitlines()[-1]


@pytest.mark.slow
def test_the_folder_alone_is_a_space(tmp_path):
    """Copied elsewhere, so that nothing of the repository is at hand, as on the hub."""
    files = [path for path in (ROOT / "deployment").iterdir() if path.suffix in (".py", ".txt", ".md")]
    for path in files:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "model").symlink_to(ROOT / "deployment" / "model")
    port = free_port()
    process = start(folder=tmp_path, command=("app.py",), SPACE_ID="someone/space", GRADIO_SERVER_PORT=str(port))
    try:
        wait_until_up(process, f"http://127.0.0.1:{port}/")
        assert Client(f"http://127.0.0.1:{port}", verbose=False).predict("Image captioning", "", api_name="/tag")
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_help():
    process = start("--help")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0 and "--port" in output and "7860" in output


def test_names_are_escaped():
    html = page.tags_html([("<b>x</b>", 0.5, "a & b")], 0.1, [])
    assert "<b>" not in html and "&lt;b&gt;x&lt;/b&gt;" in html and "a &amp; b" in html


def test_where_nothing_reaches_the_threshold_the_nearest_are_shown():
    html = page.tags_html([], 0.4, [("Image Captioning", 0.12, "computer vision")])
    assert "No task reaches 40%" in html and "Image Captioning" in html and "12%" in html
