import json
import shutil

import pandas as pd
import pytest

from paper_tasks import cli
from paper_tasks.errors import InputError
from paper_tasks.evaluation.baselines.registry import READ_BASELINES
from paper_tasks.evaluation.options import EvaluateOptions
from paper_tasks.evaluation.read_labels import results
from paper_tasks.evaluation.read_labels.evaluate import evaluate
from paper_tasks.evaluation.tables import MARKS
from paper_tasks.paths import MODEL_DIR
from paper_tasks.tagger.classifier import TaskClassifier

SYSTEMS = ["string matching", "TF-IDF + linear SVM", "TF-IDF + linear SVM, per-task thresholds"]


@pytest.fixture(scope="module")
def evaluated(prepared_read, tmp_path_factory):
    """The folder of an evaluation of the bundled model, and what `evaluate` returned."""
    folder = tmp_path_factory.mktemp("evaluated")
    options = EvaluateOptions("test", baselines=SYSTEMS)
    return folder, evaluate(prepared_read, {"int8": MODEL_DIR}, folder / "results", options, folder / "scores")


def test_all_systems_have_all_sets(evaluated):
    folder, report = evaluated
    assert list(report.systems) == [*SYSTEMS, "int8"] and list(report.sets) == ["read", "modern", "positives"]
    for scores in report.systems.values():
        assert list(scores) == list(report.sets)
        assert {"f1", "precision_at_1", "recall_at_5", "none_for_none"} <= scores["read"].values.keys()
        for name, (low, high) in scores["read"].intervals.items():
            assert low - 1e-6 <= scores["read"][name] <= high + 1e-6
    # Half of the papers name their task, and the SVM learns the words of the others.
    assert report.systems[SYSTEMS[0]]["read"]["recall"] < 0.7 < report.systems[SYSTEMS[1]]["read"]["f1"]
    assert report.systems[SYSTEMS[0]]["positives"]["recall_at_5_unmentioned"] == 0
    assert "calibration_error" in report.systems["int8"]["read"] and list(report.reliability) == ["int8"]
    assert json.loads((folder / "results" / results.JSON).read_text(encoding="utf-8")) == report.to_json()


def test_the_shipped_model_is_compared_with_the_best_baseline(evaluated):
    report = evaluated[1]
    for name, leads in report.lead.items():
        for score, lead in leads.items():
            best = max(report.systems[system][name][score] for system in SYSTEMS)
            assert report.systems[lead.best_other][name][score] == best
            assert lead.difference == report.systems["int8"][name][score] - best
            assert lead.interval[0] - 1e-6 <= lead.difference <= lead.interval[1] + 1e-6
    assert "f1_complete" in report.lead["positives"] and "macro_f1" in report.lead["read"]


def test_a_row_for_each_canonical_task(evaluated):
    table = pd.read_csv(evaluated[0] / "results" / results.PER_TASK).set_index("task")
    assert len(table) == 219 and "NER" not in table.index and "SSIM" not in table.index
    row = table.loc["Named Entity Recognition (NER)"]
    assert row["train papers"] > 0 and row["papers"] > 0 and 0 <= row["f1 int8"] <= 1


def test_a_second_evaluation_computes_no_score_again(evaluated, prepared_read, tmp_path, monkeypatch):
    folder, report = evaluated
    monkeypatch.setattr(TaskClassifier, "both_levels", None)
    monkeypatch.setattr("paper_tasks.evaluation.baselines.linear_svm.LinearSvm.fit", None)
    options = EvaluateOptions("test", baselines=SYSTEMS)
    again = evaluate(prepared_read, {"int8": MODEL_DIR}, tmp_path, options, folder / "scores")
    assert again == report


def test_a_baseline_that_is_not_measured_again_keeps_its_row(evaluated, prepared_read, tmp_path):
    folder, report = evaluated
    shutil.copytree(folder / "results", tmp_path / "results")
    options = EvaluateOptions("test", baselines=SYSTEMS[1:])
    again = evaluate(prepared_read, {"int8": MODEL_DIR}, tmp_path / "results", options, folder / "scores")
    assert again.kept == SYSTEMS[:1] and again.systems == report.systems


def test_an_svm_without_names_is_no_baseline_here(prepared_read, tmp_path):
    assert "TF-IDF + linear SVM, names cut" not in READ_BASELINES
    with pytest.raises(InputError, match="no baseline"):
        evaluate(prepared_read, {}, tmp_path, EvaluateOptions(baselines=["TF-IDF + linear SVM, names cut"]))


def test_the_command_knows_a_folder_of_read_labels(evaluated, prepared_read, tmp_path, run_main):
    document, card = tmp_path / "README.md", tmp_path / "card.md"
    document.write_text(f"before\n{MARKS[0]}\n{MARKS[1]}\nafter\n", encoding="utf-8")
    run = run_main(
        cli.main,
        *("evaluate", "--prepared", prepared_read, "--split", "dev", "--output", tmp_path, "--document", document),
        *("--card", card, "--baseline", "string matching", "--cache", evaluated[0] / "scores"),
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("| system | F1 |") and "| int8 |" in run.stdout
    assert {results.JSON, results.MARKDOWN, results.PER_TASK, results.PLOT} <= {
        path.name for path in tmp_path.iterdir()
    }
    assert "People read title and abstract of 24 held-out papers" in document.read_text(encoding="utf-8")
    assert "### On read papers" in card.read_text(encoding="utf-8")
    assert results.read(tmp_path)[0].split == "dev"
    before = (tmp_path / results.MARKDOWN).read_bytes()
    (tmp_path / results.MARKDOWN).unlink()
    assert run_main(cli.main, "evaluate", "--write-only", "--output", tmp_path).stdout == run.stdout
    assert (tmp_path / results.MARKDOWN).read_bytes() == before


def test_the_training_split_is_refused_in_a_sentence(prepared_read, tmp_path, run_main):
    run = run_main(cli.main, "evaluate", "--prepared", prepared_read, "--split", "train", "--output", tmp_path)
    assert run.returncode == 2 and "--split dev or test" in run.stderr
