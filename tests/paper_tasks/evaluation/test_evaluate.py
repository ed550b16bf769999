import json
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from paper_tasks import cli
from paper_tasks.data.prepared_folder import read_labels, read_split
from paper_tasks.errors import InputError
from paper_tasks.evaluation import results
from paper_tasks.evaluation.baselines.registry import BASELINES
from paper_tasks.evaluation.evaluate import evaluate
from paper_tasks.evaluation.options import EvaluateOptions
from paper_tasks.evaluation.tables import MARKS, readme_table
from paper_tasks.export.onnx import FP32
from paper_tasks.paths import MODEL_DIR
from paper_tasks.tagger.classifier import TaskClassifier

SYSTEMS = ["string matching", "TF-IDF + linear SVM", "TF-IDF + linear SVM, per-task thresholds"]


@pytest.fixture(scope="module")
def evaluated(exported, prepared, tmp_path_factory):
    """The folder of an evaluation of an fp32 and an int8 model, and what `evaluate` returned."""
    folder = tmp_path_factory.mktemp("evaluated")
    models = {"fp32": exported[0] / "onnx", "int8": shutil.copytree(exported[1], folder / "model")}
    assert (models["fp32"] / FP32).is_file()
    found = evaluate(prepared, models, folder / "results", EvaluateOptions("dev", baselines=SYSTEMS), folder / "scores")
    return folder, found


def test_one_table_for_all_systems(evaluated, prepared):
    folder, found = evaluated
    assert list(found.systems) == [*SYSTEMS, "fp32", "int8"]
    table = (folder / "results" / "evaluation.md").read_text(encoding="utf-8")
    for name, scores in found.systems.items():
        assert f"| {name} | {scores['micro_f1']:.3f} |" in table
    written = json.loads((folder / "results" / "evaluation.json").read_text(encoding="utf-8"))
    assert written["systems"]["int8"]["micro_f1"] == found.systems["int8"]["micro_f1"] > 0.7
    assert written["papers"] == len(read_split(prepared, "dev"))
    assert (
        "calibration_error" in written["systems"]["int8"] and "calibration_error" not in written["systems"][SYSTEMS[1]]
    )


def test_a_model_that_had_other_papers_held_out_gets_a_note(evaluated, prepared, tmp_path):
    assert evaluated[1].notes == {}
    shutil.copytree(prepared, tmp_path / "prepared")
    (tmp_path / "prepared/held_out.json").write_text("{}", encoding="utf-8")
    found = evaluate(
        tmp_path / "prepared",
        {"int8": evaluated[0] / "model"},
        tmp_path / "results",
        EvaluateOptions("dev", 20, SYSTEMS[:1]),
    )
    assert "may have seen these" in found.notes["int8"]


def test_a_row_for_each_task(evaluated, prepared):
    table = pd.read_csv(evaluated[0] / "results" / "per_task.csv")
    assert list(table["task"]) == read_labels(prepared)
    assert table[[f"f1 {name}" for name in (*SYSTEMS, "int8")]].stack().between(0, 1).all()
    counted = read_split(prepared, "train")["tasks"].explode().value_counts()
    assert table.set_index("task")["train papers"].to_dict() == counted.to_dict()


def test_the_shipped_model_is_compared_with_the_best_baseline(evaluated):
    found = evaluated[1]
    for score, lead in found.lead.items():
        values = {name: found.systems[name].values.get(score, -1) for name in SYSTEMS}
        assert values[lead.best_other] == max(values.values())
        assert lead.difference == found.systems["int8"][score] - max(values.values())
        assert lead.interval[0] - 1e-6 <= lead.difference <= lead.interval[1] + 1e-6
    assert {"micro_f1", "masked_recall_at_5_macro"} <= found.lead.keys()


def test_a_second_evaluation_computes_no_score_again(evaluated, prepared, tmp_path, monkeypatch):
    folder, found = evaluated
    monkeypatch.setattr(TaskClassifier, "both_levels", None)
    monkeypatch.setattr("paper_tasks.evaluation.baselines.linear_svm.LinearSvm.fit", None)
    again = evaluate(
        prepared, {"int8": folder / "model"}, tmp_path, EvaluateOptions("dev", baselines=SYSTEMS), folder / "scores"
    )
    assert again.systems["int8"] == found.systems["int8"]
    for name in ("recall.png", "f1_by_frequency.png", "reliability.png"):
        assert (tmp_path / name).read_bytes()[:4] == b"\x89PNG"


def test_a_baseline_that_is_not_measured_again_keeps_its_row(evaluated, prepared, tmp_path):
    folder, found = evaluated
    shutil.copytree(folder / "results", tmp_path / "results")
    models = {"int8": folder / "model"}
    again = evaluate(
        prepared, models, tmp_path / "results", EvaluateOptions("dev", baselines=SYSTEMS[1:]), folder / "scores"
    )
    assert again.kept == [SYSTEMS[0], "fp32"] and list(again.systems) == list(found.systems)
    assert again.systems["fp32"]["micro_f1"] == found.systems["fp32"]["micro_f1"]
    # String matching is ahead on its own labels; its predictions, and with them the interval, are gone.
    assert again.lead["micro_f1"] == replace(found.lead["micro_f1"], interval=None)
    text = (tmp_path / "results" / "evaluation.md").read_text(encoding="utf-8")
    assert f"These rows come from an earlier evaluation of the same papers: {SYSTEMS[0]}; fp32." in text


def test_a_model_of_other_tasks_is_refused(prepared, tmp_path):
    with pytest.raises(InputError, match="other tasks"):
        evaluate(prepared, {"bundled": MODEL_DIR}, tmp_path, EvaluateOptions("dev", baselines=[]))


def test_only_the_first_rows_are_measured_and_no_model_is_needed(prepared, tmp_path):
    found = evaluate(prepared, {}, tmp_path, EvaluateOptions("dev", 7, ["string matching"]))
    assert found.papers == 7 and found.lead == found.areas == {}
    assert not (tmp_path / "reliability.png").exists()


@pytest.fixture
def changed_prepared(prepared, tmp_path):
    """A copy of the prepared papers, which a test may change."""
    return Path(shutil.copytree(prepared, tmp_path / "prepared"))


def test_a_paper_that_masking_leaves_empty_scores_zero(evaluated, changed_prepared, tmp_path):
    papers = pd.read_csv(changed_prepared / "dev.csv", keep_default_na=False)
    papers.loc[2, "masked"] = "…"
    papers.to_csv(changed_prepared / "dev.csv", index=False)
    models = {"int8": evaluated[0] / "model"}
    found = evaluate(changed_prepared, models, tmp_path, EvaluateOptions("dev", 5, []))
    assert 0 < found.systems["int8"]["masked_recall_at_5"] <= 1


def test_papers_nearly_the_same_as_one_to_learn_from_are_left_out(changed_prepared, tmp_path):
    train, dev = (pd.read_csv(changed_prepared / f"{name}.csv", keep_default_na=False) for name in ("train", "dev"))
    revised = train[:2].assign(abstract=train["abstract"] + " Revised.")
    pd.concat([revised, dev]).to_csv(changed_prepared / "dev.csv", index=False)
    found = evaluate(changed_prepared, {}, tmp_path, EvaluateOptions("dev", baselines=["string matching"]))
    assert (found.near_duplicates_left_out, found.papers) == (2, len(dev))
    with pytest.raises(InputError, match="every paper of dev"):
        evaluate(changed_prepared, {}, tmp_path, EvaluateOptions("dev", 2, ["string matching"]))


def test_the_command_writes_table_and_card(evaluated, prepared, tmp_path, monkeypatch, capsys):
    document, card = tmp_path / "README.md", tmp_path / "card.md"
    document.write_text(f"before\n{MARKS[0]}\n{MARKS[1]}\nafter\n", encoding="utf-8")
    folder = evaluated[0]
    arguments = [
        *("evaluate", "--prepared", prepared, "--split", "dev", "--output", tmp_path, "--cache", folder / "scores"),
        *(
            "--baseline",
            "string matching",
            "--model",
            f"int8={folder / 'model'}",
            "--document",
            document,
            "--card",
            card,
        ),
    ]
    monkeypatch.setattr("sys.argv", ["paper_tasks", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    assert "| int8 |" in capsys.readouterr().out
    assert readme_table(results.read(tmp_path)[0]) in document.read_text(encoding="utf-8")
    assert card.read_text(encoding="utf-8").startswith("---\n")


def test_an_unknown_baseline_is_refused(prepared, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["paper_tasks", "evaluate", "--prepared", str(prepared), "--baseline", "tarot"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert "tarot" in error and all(name in error for name in BASELINES)
