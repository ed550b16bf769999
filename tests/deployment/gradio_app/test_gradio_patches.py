"""The names inside Gradio: one that is gone ends the start with a sentence."""

import logging
from pkgutil import resolve_name

import pytest
import uvicorn.config
from gradio import processing_utils, queueing, routes

from deployment import app
from deployment.gradio_app import gradio_patches
from deployment.gradio_app.gradio_patches import PATCHES, USED, GradioChanged

NAMES = sorted({*USED, *(patch.name for patch in PATCHES)})


@pytest.fixture(autouse=True)
def gradio_as_it_was(monkeypatch):
    """What `apply` changes is changed back."""
    for patch in PATCHES:
        module, _, name = patch.name.partition(":")
        monkeypatch.setattr(resolve_name(module), name, resolve_name(patch.name))
    loggers = uvicorn.config.LOGGING_CONFIG["loggers"]
    monkeypatch.setitem(loggers, "uvicorn", loggers["uvicorn"])


def remove(monkeypatch, name):
    owner, _, attribute = name.replace(":", ".").rpartition(".")
    monkeypatch.delattr(resolve_name(owner), attribute)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_gone_is_reported_and_nothing_is_replaced(monkeypatch, name):
    downloads, printer = processing_utils.async_ssrf_protected_download, queueing.traceback
    remove(monkeypatch, name)
    with pytest.raises(GradioChanged) as caught:
        gradio_patches.apply()
    assert name in str(caught.value) and str(caught.value).endswith(".") and "\n" not in str(caught.value)
    for module, attribute, before in (
        (processing_utils, "async_ssrf_protected_download", downloads),
        (queueing, "traceback", printer),
    ):
        assert getattr(module, attribute, before) is before


def test_the_program_ends_with_a_sentence_and_code_2(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.delattr(routes, "secure_url_stream_response")
    with pytest.raises(SystemExit) as ended:
        app.main(["--port", "1"])
    (error,) = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2
    assert error.startswith("error: Gradio ") and "gradio.routes:secure_url_stream_response" in error
    assert not list(tmp_path.iterdir())


def test_another_exception_for_uploads_is_reported(monkeypatch):
    monkeypatch.setattr(routes, "MultiPartException", ValueError)
    with pytest.raises(GradioChanged, match=r"gradio\.routes:MultiPartException"):
        gradio_patches.apply()


def test_a_text_is_not_printed_where_gradio_prints_what_it_refuses(caplog, capsys):
    gradio_patches.apply()
    caplog.set_level(logging.INFO)
    try:
        raise ValueError("a secret abstract")
    except ValueError:
        queueing.traceback.print_exc()
    assert "ValueError at test_gradio_patches.py" in caplog.records[-1].fields["fault"]
    assert "secret" not in caplog.text + "".join(capsys.readouterr())


def test_outside_of_a_call_there_is_no_request():
    assert gradio_patches.current_request() is None
