import json
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from paper_tasks.errors import InputError
from paper_tasks.evaluation.read_labels import results
from paper_tasks.evaluation.results import keep_rows
from tests import ROOT
from tests.paper_tasks.evaluation.read_labels.invented import read_evaluation


def per_task(*systems):
    about = {"task": ["A", "B"], "area": "", "train papers": [30, 40], "papers": [3, 4]}
    return pd.DataFrame(about | {f"f1 {name}": [0.25, 0.5] for name in systems})


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    folder = tmp_path_factory.mktemp("earlier")
    results.write(read_evaluation(), per_task(*read_evaluation().systems), folder)
    return folder


@pytest.fixture
def folder(earlier, tmp_path):
    """An earlier evaluation of all systems."""
    return Path(shutil.copytree(earlier, tmp_path / "results"))


def measured(*systems, **changes):
    """An evaluation now, of some of the systems."""
    report = read_evaluation(**changes)
    return replace(
        report,
        models=[name for name in report.models if name in systems],
        systems={name: scores for name, scores in report.systems.items() if name in systems},
        reliability={name: bins for name, bins in report.reliability.items() if name in systems},
        notes={},
    )


def test_systems_that_are_not_measured_now_keep_their_rows(folder):
    found, table = keep_rows(measured("int8"), per_task("int8"), lambda: results.read(folder))
    assert list(found.systems) == list(read_evaluation().systems) and found.models == ["fast", "int8"]
    assert found.kept == [name for name in read_evaluation().systems if name != "int8"]
    assert found.notes == read_evaluation().notes and list(found.reliability) == ["fast", "int8"]
    assert list(table)[4:] == [f"f1 {name}" for name in found.systems]


def test_rows_of_other_papers_or_of_an_earlier_model_are_not_kept(folder):
    found, _ = keep_rows(measured("int8", inputs="others"), per_task("int8"), lambda: results.read(folder))
    assert list(found.systems) == ["int8"]
    found, _ = keep_rows(measured("int8", shipped="another"), per_task("int8"), lambda: results.read(folder))
    assert "fast" not in found.systems and "string matching" in found.systems


def test_texts_are_written_again_from_the_report_alone(folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert before.keys() == {results.JSON, results.MARKDOWN, results.PER_TASK, results.PLOT}
    (folder / results.MARKDOWN).unlink()
    (folder / results.PLOT).write_bytes(b"")
    assert results.write_again(folder) == read_evaluation()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"systems": 3}'])
def test_json_of_something_else_is_an_error(folder, content):
    (folder / results.JSON).write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"cannot be read.*read_evaluation\.json"):
        results.read(folder)


@pytest.mark.skipif(not (ROOT / "results" / results.JSON).is_file(), reason="no model was measured on read labels")
def test_the_report_in_the_repository_is_written_back_unchanged():
    record = json.loads((ROOT / "results" / results.JSON).read_text(encoding="utf-8"))
    report, _ = results.read(ROOT / "results")
    assert json.dumps(report.to_json()) == json.dumps(record)
    assert (ROOT / "results" / results.MARKDOWN).read_text(encoding="utf-8") == results.tables.full_report(report)
