import numpy as np
import pandas as pd
import pytest

from paper_tasks.evaluation.evaluation_set import EvaluationSet, Predictions
from paper_tasks.modeling.metrics import Bootstrap

LABELS = ["Image Captioning", "Speech Recognition", "Atari Games"]


@pytest.fixture
def held():
    papers = pd.DataFrame(
        {
            "title": ["Describing photographs", "Image captioning", "Consoles"],
            "abstract": ["In words.", "We caption.", "Nothing of note."],
            "tasks": [["Image Captioning"], ["Image Captioning"], ["Atari Games"]],
            "keywords": [["image captioning"], ["image captioning", "speech recognition"], []],
            "masked": ["", "", ""],
        }
    )
    return EvaluationSet(papers, LABELS, train_papers=[600, 80, 30])


def answers(scores, **others):
    return Predictions(scores.astype(float), (scores > 0.5).astype(np.int64), **others)


def test_keyword_tasks_are_split_by_mention(held):
    assert held.keywords.sum() == 3
    assert (held.keywords & held.mentioned).sum() == 1


def test_a_paper_with_a_subject_of_some_list_has_no_keywords_of_its_own():
    papers = pd.DataFrame({"title": ["A", "B"], "abstract": ["C", "D"], "tasks": [[], []], "masked": ["", ""]})
    papers["keywords"] = [["image captioning", "Audio: Speech recognition"], ["image captioning"]]
    held = EvaluationSet(papers, LABELS)
    assert held.keywords.sum() == 3 and held.own.tolist() == [[0, 0, 0], [1, 0, 0]]


def test_who_knows_everything_scores_one(held):
    known = held.truth | held.keywords
    measured = held.measure(answers(held.truth, masked=held.truth.astype(float), are_probabilities=True))
    assert held.measure(answers(known))["keyword_recall_at_5"] == 1
    for name in ("micro_f1", "macro_f1", "subset_accuracy", "precision_at_1", "ndcg_at_5", "masked_recall_at_5"):
        assert measured[name] == 1
    assert measured["masked_recall_at_5_macro"] == measured["coverage"] == measured["precision"] == 1
    assert measured["calibration_error"] == measured["calibration_error_at_1"] == measured["tasks_at_f1_0"] == 0


def test_tasks_are_binned_by_how_many_papers_there_were_to_learn_from(held):
    assert {name: places.tolist() for name, places in held.bins().items()} == {
        "0_to_49": [2],
        "50_to_149": [1],
        "150_to_499": [],
        "500_up": [0],
    }
    without_games = held.truth * np.array([1, 1, 0])
    measured = held.measure(answers(without_games))
    assert measured["macro_f1_500_up"] == 1 and measured["macro_f1_0_to_49"] == 0
    assert "macro_f1_150_to_499" not in measured and "macro_f1_50_to_149" not in measured, "no paper has such a task"
    assert measured["tasks_at_f1_0"] == 1


def test_what_a_system_does_not_give_is_not_measured(held):
    measured = held.measure(answers(held.truth))
    assert not [name for name in measured if name.startswith(("masked", "calibration"))]
    held.keywords[:] = held.own[:] = 0
    assert not [name for name in held.measure(answers(held.truth)) if name.startswith("keyword")]


def test_coverage_and_precision_are_of_tags(held):
    predicted = np.array([[1, 1, 0], [0, 0, 0], [0, 0, 1]])
    measured = held.measure(answers(predicted))
    assert measured["coverage"] == pytest.approx(2 / 3) and measured["precision"] == pytest.approx(2 / 3)


def test_intervals_hold_their_score(held):
    scores = np.array([[0.9, 0.6, 0.1], [0.2, 0.1, 0.3], [0.1, 0.2, 0.8]])
    measured = held.measure(answers(scores, are_probabilities=True), Bootstrap(3))
    intervals = {name: value for name, value in measured.items() if name.endswith("_interval")}
    assert len(intervals) == len(measured) // 2
    for name, (low, high) in intervals.items():
        assert low - 1e-6 <= measured[name.removesuffix("_interval")] <= high + 1e-6


def test_areas(held):
    areas = held.by_area(answers(held.truth, masked=np.zeros(held.truth.shape)))
    assert list(areas) == ["computer vision", "reinforcement learning", "audio"]
    vision = areas["computer vision"]
    assert (vision["tasks"], vision["papers"], vision["macro_f1"], vision["keyword_recall_at_5"]) == (1, 2, 1, 1)
    assert areas["audio"]["keyword_recall_at_5"] == 1, "three labels are all among five"
    assert "macro_f1" not in areas["audio"]
