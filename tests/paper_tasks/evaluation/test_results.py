import json

import pandas as pd
import pytest

from paper_tasks.errors import InputError
from paper_tasks.evaluation import results, tables, written
from paper_tasks.evaluation.report import EvaluationReport
from paper_tasks.evaluation.results import keep_rows
from tests import ROOT
from tests.paper_tasks.evaluation.invented import evaluation, evaluation_json


def per_task(*systems):
    return pd.DataFrame({"task": ["A", "B"], "papers": [3, 4]} | {f"f1 {name}": [0.25, 0.5] for name in systems})


@pytest.fixture
def folder(tmp_path):
    """An earlier evaluation of all four systems."""
    earlier = evaluation_json()
    (tmp_path / "evaluation.json").write_text(json.dumps(earlier), encoding="utf-8")
    per_task(*earlier["systems"]).to_csv(tmp_path / "per_task.csv", index=False)
    return tmp_path


def measured(*systems, **changes):
    """An evaluation now, of some of them."""
    now = evaluation_json() | changes
    now["models"] = [name for name in now["models"] if name in systems]
    for key in ("systems", "notes", "reliability", "reliability_masked"):
        now[key] = {name: value for name, value in now[key].items() if name in systems}
    return EvaluationReport.from_json(now)


def test_a_system_that_is_not_measured_now_keeps_its_row(folder):
    found, table = keep_rows(
        measured("TF-IDF + linear SVM", "int8"), per_task("TF-IDF + linear SVM", "int8"), lambda: results.read(folder)
    )
    # Baselines in the order of the table, and the model that ships last.
    assert list(found.systems) == ["string matching", "TF-IDF + linear SVM", "fp32", "int8"]
    assert found.models == ["fp32", "int8"] and found.kept == ["string matching", "fp32"]
    assert list(found.reliability) == ["fp32", "int8"] and list(found.notes) == ["string matching"]
    assert found.systems["fp32"] == evaluation().systems["fp32"]
    assert list(table)[2:] == [f"f1 {name}" for name in found.systems]
    assert table["f1 fp32"].tolist() == [0.25, 0.5]


def test_a_system_that_is_measured_now_replaces_its_row(folder):
    now = measured("int8")
    now.systems["int8"].values["micro_f1"] = 0.99
    assert keep_rows(now, per_task("int8"), lambda: results.read(folder))[0].systems["int8"]["micro_f1"] == 0.99


def test_rows_of_an_earlier_shipped_model_are_not_kept(folder):
    found, _ = keep_rows(measured("int8", shipped="another"), per_task("int8"), lambda: results.read(folder))
    assert found.kept == ["TF-IDF + linear SVM", "string matching"] and found.models == ["int8"]


def test_rows_of_other_papers_are_not_kept(folder):
    found, table = keep_rows(measured("int8", inputs="others"), per_task("int8"), lambda: results.read(folder))
    assert list(found.systems) == ["int8"] and found.kept == [] and "f1 fp32" not in table


@pytest.mark.parametrize("name", ["evaluation.json", "per_task.csv"])
def test_half_an_evaluation_is_ignored_and_a_damaged_one_is_an_error(folder, name):
    (folder / name).write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read"):
        keep_rows(measured("int8"), per_task("int8"), lambda: results.read(folder))
    (folder / name).unlink()
    assert keep_rows(measured("int8"), per_task("int8"), lambda: results.read(folder))[0].kept == []


@pytest.mark.parametrize("content", ["[]", "{}", '{"systems": 3}', "3"])
def test_json_of_something_else_is_an_error(folder, content):
    (folder / "evaluation.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read"):
        results.read(folder)


def test_a_table_of_tasks_without_a_system_is_an_error(folder):
    per_task("int8").to_csv(folder / "per_task.csv", index=False)
    with pytest.raises(InputError, match="cannot be read"):
        results.read(folder)


def test_texts_are_written_again_from_the_report_alone(tmp_path):
    table = per_task(*evaluation().systems).assign(**{"train papers": [40, 90]})
    results.write(evaluation(), table, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    (tmp_path / "evaluation.md").unlink()
    (tmp_path / "recall.png").write_bytes(b"")
    assert results.write_again(tmp_path) == evaluation()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    with pytest.raises(InputError, match=r"evaluation\.json is missing"):
        results.write_again(tmp_path / "none")


def test_the_documents_have_what_was_measured_last():
    report, _ = results.read(ROOT / "results")
    assert (ROOT / "results" / "evaluation.md").read_text(encoding="utf-8") == tables.full_report(report)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"{tables.MARKS[0]}\n{written.read(ROOT / 'results').readme_table()}{tables.MARKS[1]}" in readme
