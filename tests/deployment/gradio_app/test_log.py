import json
import re
import socket

import gradio as gr
import httpx
import pytest
from gradio_client import Client

from deployment.common import request_log
from deployment.gradio_app.log import logged
from tests import ROOT
from tests.deployment.server import free_port, start, wait_until_up


def fields(caplog):
    return [record.fields for record in caplog.records if hasattr(record, "fields")]


@logged("double", papers=len)
def double(texts):
    """Twice."""
    if not texts:
        raise gr.Error("None of them is a secret.")
    return [text + text for text in texts]


def test_each_call_is_one_line_and_no_text_is_in_it(caplog):
    request_log.set_up()
    assert double(["a secret", "b"]) == ["a secreta secret", "bb"] and double.__doc__ == "Twice."
    with pytest.raises(gr.Error, match="None of them"):
        double([])
    with pytest.raises(gr.Error, match=r"report request [0-9a-f]{32}") as caught:
        double(["a secret", 1, None])
    answered, refused, failed = fields(caplog)
    assert {"method": "CALL", "path": "double", "status": "answered", "papers": 2}.items() <= answered.items()
    assert (refused["status"], refused["papers"]) == ("refused", 0) and "fault" not in refused
    assert failed["status"] == "failed" and re.match(r"TypeError at test_log.py:\d+", failed["fault"])
    assert failed["id"] in str(caught.value) and not caught.value.print_exception
    assert "secret" not in json.dumps(fields(caplog)) + str(caught.value)


@pytest.mark.slow
def test_the_apps_log_has_ids_and_timings_and_no_text(tmp_path):
    """Of the program as people start it: its stderr is JSON lines, and a call has the id of its request."""
    port, log = free_port(), tmp_path / "log"
    with log.open("w", encoding="utf-8") as errors:
        process = start("--port", port, stderr=errors)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_up(process, url)
            secret = {"data": ["Quaternions at dusk", "Zymurgy of pedestrians."]}
            header = {request_log.ID_HEADER: "from-a-proxy_1"}
            asked = httpx.post(f"{url}/gradio_api/call/tag", json=secret, headers=header).raise_for_status()
            assert asked.headers[request_log.ID_HEADER] == "from-a-proxy_1"
            assert "complete" in httpx.get(f"{url}/gradio_api/call/tag/{asked.json()['event_id']}", timeout=60).text
            Client(url, verbose=False).predict(*secret["data"], "Pedestrian Detection", api_name="/explain")
            assert httpx.post(f"{url}/gradio_api/upload", content=b" " * 6_000_000).status_code == 413
            # Gradio itself refuses a question without its abstract.
            asked = httpx.post(f"{url}/gradio_api/call/tag", json={"data": ["Zymurgy of pedestrians."]}).json()
            assert "error" in httpx.get(f"{url}/gradio_api/call/tag/{asked['event_id']}", timeout=60).text
            # Gradio fails at an answer that nobody asked for, and at a function that is not there.
            with pytest.raises(httpx.RemoteProtocolError):
                httpx.get(f"{url}/gradio_api/call/tag/nope")
            call = {"data": ["Zymurgy"], "fn_index": 999, "session_hash": "x"}
            assert httpx.post(f"{url}/gradio_api/queue/join", json=call).status_code == 500
            with socket.create_connection(("127.0.0.1", port)) as line:
                line.sendall(b"No HTTP.\r\n\r\n")
                assert b" 400 " in line.recv(100)
        finally:
            process.terminate()
            process.wait(timeout=30)
    text = log.read_text(encoding="utf-8")
    lines = list(map(json.loads, text.splitlines()))
    said = [line["message"].strip() for line in lines if "message" in line]
    assert said == ["Exception in ASGI application"] * 2 + ["Invalid HTTP request received."]
    (fault,) = [line for line in lines if line.keys() == {"time", "level", "fault"}]
    assert fault["level"] == "ERROR"
    lines = [line for line in lines if "id" in line]
    failed = [line for line in lines if "fault" in line]
    assert [line["path"] for line in failed] == ["/gradio_api/call/tag/nope", "/gradio_api/queue/join"]
    assert all(re.match(r"\w+Error at \w+.py:\d+", line["fault"]) for line in failed)
    assert {"id", "method", "path", "status", "milliseconds", "papers", "time", "level"} <= lines[-1].keys()
    calls = {line["path"]: line for line in lines if line["method"] == "CALL"}
    assert calls["tag"]["id"] == "from-a-proxy_1" and calls["tag"]["papers"] == 1
    assert calls["explain"]["milliseconds"] > calls["tag"]["milliseconds"] > 0
    (join,) = [line for line in lines if line["id"] == calls["explain"]["id"] and line["method"] == "POST"]
    assert join["status"] == 200 and join["path"].startswith("/gradio_api/")
    assert [line["path"] for line in lines if line["status"] == 413] == ["/gradio_api/upload"]
    assert not any("assets" in line["path"] for line in lines)
    assert "Quaternions" not in text and "Zymurgy" not in text and str(ROOT) not in text
