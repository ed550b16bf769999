import json

import gradio as gr
import pytest
from gradio_client import Client

from paper_tasks.errors import InputError
from paper_tasks.export.local_server import free_port
from paper_tasks.labelling.journal import open_journal
from paper_tasks.labelling.page import Reader, serve
from paper_tasks.labelling.papers import Paper
from tests.stub import StubClassifier

PAPERS = [Paper("a", "First <b>", "We caption *images*."), Paper("b", "Second", "We play.")]


@pytest.fixture
def output(tmp_path):
    return tmp_path / "mine.jsonl"


@pytest.fixture
def reader(output):
    with open_journal(output) as journal:
        yield Reader(PAPERS, journal, StubClassifier())


def test_papers_that_have_a_label_are_not_shown_again(reader, output):
    assert reader.next_paper() == ("a", "0 of 2 papers are labelled.", *PAPERS[0][1:])
    reader.save("a", [], [])
    assert reader.next_paper()[:2] == ("b", "1 of 2 papers are labelled.")
    reader.save("b", [], [])
    assert reader.next_paper() == ("", "2 of 2 papers are labelled. That was the last.", "", "")


def test_a_choice_is_saved_and_then_compared(reader, output):
    rows = reader.save("a", ["Atari Games"], ["Atari Games", "Benchmarking"])
    label = json.loads(output.read_text(encoding="utf-8"))
    assert label == {"id": "a", "title": "First <b>", "main": ["Atari Games"], "ok": ["Benchmarking"]}
    assert {row[0]: row[1] for row in rows} == {
        "Image Captioning": "",
        "Speech Recognition": "",
        "Atari Games": "main",
        "Benchmarking": "ok",
    }
    assert [row[3] for row in rows if row[0] == "Benchmarking"] == [""]
    tags = StubClassifier().predict([PAPERS[0][1:]])[0]
    assert {row[0]: row[2] for row in rows if row[2]} == {tag.task: tag.level for tag in tags}


@pytest.mark.parametrize("key", ["", "a", "unknown"])
def test_a_paper_is_not_saved_twice(reader, key):
    reader.save("a", [], [])
    with pytest.raises(gr.Error, match="nothing to save"):
        reader.save(key, [], [])


def test_a_round_trip_over_loopback(reader, output):
    port = free_port()
    blocks = serve(reader, port)
    try:
        client = Client(f"http://127.0.0.1:{port}", verbose=False)
        done, title, abstract, *_ = client.predict(api_name="/next_paper")
        assert (done, title, abstract) == ("0 of 2 papers are labelled.", *PAPERS[0][1:])
        compared = client.predict(["Image Captioning"], [], api_name="/save")
        assert compared["headers"] == ["task", "you", "the model", "probability"]
        assert ["Image Captioning", "main"] in [row[:2] for row in compared["data"]]
        assert client.predict(api_name="/next_paper")[1] == "Second"
        assert json.loads(output.read_text(encoding="utf-8"))["main"] == ["Image Captioning"]
        with pytest.raises(InputError, match="--port"):
            serve(reader, port)
    finally:
        blocks.close(verbose=False)
