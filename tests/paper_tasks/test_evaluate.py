import json

import numpy as np
import pandas as pd
import pytest

from deployment.classifier import MODEL_DIR
from paper_tasks import evaluate as module
from paper_tasks.baselines import LinearSvm, matching_scores
from paper_tasks.errors import InputError
from paper_tasks.evaluate import HeldOut, evaluate, update_document
from paper_tasks.export import export
from paper_tasks.prepare import indicator, read_labels, read_split

LABELS = ["Image Captioning", "Speech Recognition", "Atari Games"]


def held_out():
    papers = pd.DataFrame(
        {
            "title": ["Describing photographs", "Image captioning", "Consoles"],
            "abstract": ["In words.", "We caption.", "Nothing of note."],
            "tasks": [["Image Captioning"], ["Image Captioning"], ["Atari Games"]],
            "keywords": [["image captioning"], ["image captioning", "speech recognition"], []],
            "masked": ["", "", ""],
        }
    )
    return HeldOut(papers, LABELS)


def test_keyword_tasks_are_split_by_mention():
    held = held_out()
    assert held.keywords.sum() == 3
    assert (held.keywords & held.mentioned).sum() == 1


def test_who_knows_everything_scores_one():
    held = held_out()
    scores = (held.truth | held.keywords[:, : held.truth.shape[1]]).astype(float)
    measured = held.measure(held.truth.astype(float), 0.5, held.truth.astype(float))
    assert measured["micro_f1"] == measured["subset_accuracy"] == measured["precision_at_1"] == 1
    assert held.measure(scores, 0.5, None)["keyword_recall_at_5"] == 1


def test_matching_finds_what_is_mentioned_and_nothing_else():
    held = held_out()
    scores = matching_scores(held.papers, LABELS)
    assert scores[1, 0] > 0 and scores[0, 0] <= 0


def test_the_svm_learns(prepared):
    labels = read_labels(prepared)
    train, test = read_split(prepared, "train"), read_split(prepared, "test")
    truth = indicator(train["tasks"], labels)
    scores = LinearSvm().fit(list(train["abstract"]), truth).scores(list(test["abstract"]))
    assert scores.shape == (len(test), len(labels))
    assert ((scores > 0) == indicator(test["tasks"], labels)).mean() > 0.95


@pytest.fixture(scope="module")
def evaluated(trained, prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluated")
    export(trained[0], prepared, folder / "model", max_length=64)
    return folder, evaluate(prepared, {"int8": folder / "model"}, folder / "results", split="dev")


def test_one_table_for_all_systems(evaluated, prepared):
    folder, systems = evaluated
    assert list(systems) == ["string matching", "TF-IDF + linear SVM", "int8"]
    table = (folder / "results" / "evaluation.md").read_text(encoding="utf-8")
    for name, scores in systems.items():
        assert f"| {name} | {scores['micro_f1']:.3f} |" in table
    written = json.loads((folder / "results" / "evaluation.json").read_text(encoding="utf-8"))
    assert written["systems"]["int8"]["micro_f1"] == systems["int8"]["micro_f1"] > 0.7
    assert written["papers"] == len(read_split(prepared, "dev"))
    per_task = pd.read_csv(folder / "results" / "per_task.csv")
    assert list(per_task["task"]) == read_labels(prepared) and per_task["f1 int8"].between(0, 1).all()


def test_a_model_of_other_tasks_is_refused(prepared, tmp_path):
    with pytest.raises(InputError, match="other tasks"):
        evaluate(prepared, {"bundled": MODEL_DIR}, tmp_path, split="dev")


def test_the_table_goes_between_the_marks(tmp_path):
    document = tmp_path / "README.md"
    document.write_text(f"before\n{module.MARKS[0]}\nold\n{module.MARKS[1]}\nafter\n", encoding="utf-8")
    for _ in range(2):
        update_document(document, "| new |\n")
    assert document.read_text(encoding="utf-8") == f"before\n{module.MARKS[0]}\n| new |\n{module.MARKS[1]}\nafter\n"
    document.write_text("no marks", encoding="utf-8")
    with pytest.raises(InputError, match="has no line"):
        update_document(document, "| new |\n")


def test_intervals_hold_their_score(evaluated):
    scores = evaluated[1]["int8"]
    low, high = scores["keyword_recall_at_5_interval"]
    assert 0 <= low <= scores["keyword_recall_at_5"] <= high <= 1
    assert np.isfinite([low, high]).all()


def test_recall_of_keywords_that_nobody_gave_is_left_out():
    held = held_out()
    held.keywords[:] = 0
    measured = held.measure(held.truth.astype(float), 0.5, None)
    assert "micro_f1" in measured and not any("keyword" in name for name in measured)


def test_only_the_first_rows_are_measured(prepared, tmp_path):
    evaluate(prepared, {}, tmp_path, split="dev", rows=7)
    assert json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8"))["papers"] == 7
