"""The functions behind the second tab, without a browser."""

import csv
import json
from pathlib import Path

import gradio as gr
import pytest

from deployment.gradio_app.endpoints import Endpoints
from deployment.gradio_app.many_papers import DOWNLOADS, ManyPapers
from tests.stub import StubClassifier


@pytest.fixture
def functions(classifier, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    return ManyPapers(Endpoints(classifier))


def test_a_file_gives_a_report_a_table_and_files_to_download(functions, tmp_path):
    path = tmp_path / "my papers.csv"
    path.write_text('Title,note\nPedestrian detection,=1\n,"no words"\n', encoding="utf-8")
    steps = []
    report, table, *buttons = functions.tag_papers(str(path), lambda *step, **_: steps.append(step[0]))
    assert "1 paper tagged, 1 left out" in report and "line 3" in report
    assert table.value["data"] == [[2, "Pedestrian detection", "Pedestrian Detection", ""]] and table.visible
    assert steps == [0, (1, 1)] and len(buttons) == len(DOWNLOADS)
    written = [Path(button.value["path"] if isinstance(button.value, dict) else button.value) for button in buttons]
    assert [file.name for file in written] == ["my papers.tagged.csv", "my papers.tagged.jsonl"]
    assert all(tmp_path / "uploads" in file.parents for file in written)
    (row,) = csv.DictReader(written[0].read_text(encoding="utf-8").splitlines())
    assert row["note"] == "'=1" and row["also_tasks"] == "[]"
    assert json.loads(row["predicted_tasks"]) == ["Pedestrian Detection"]
    assert json.loads(written[1].read_text(encoding="utf-8"))["note"] == "=1"


def test_tasks_that_also_fit_have_a_column(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    stub, path = StubClassifier(fits_threshold=0.5), tmp_path / "papers.csv"
    path.write_text("title\nPaper 1\nPaper 3\n", encoding="utf-8")
    report, table, *_ = ManyPapers(Endpoints(stub)).tag_papers(str(path), lambda *_, **__: None)
    assert [row[2:] for row in table.value["data"]] == [
        ["Speech Recognition", "Image Captioning"],
        ["Speech Recognition", "Image Captioning, Atari Games"],
    ]
    assert "Papers that work on each task" in report and "Image Captioning" not in report


def test_without_a_file_nothing_is_tagged(functions):
    with pytest.raises(gr.Error, match="Upload a file first"):
        functions.tag_papers(None)


def test_the_results_of_another_file_are_removed(functions):
    report, table, *buttons = functions.clear()
    assert report == "" and not table.visible
    assert len(buttons) == len(DOWNLOADS) and not any(button.interactive or button.value for button in buttons)
