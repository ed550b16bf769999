import numpy as np
import pandas as pd
import pytest

from paper_tasks.evaluation.evaluation_set import EvaluationSet, Predictions
from paper_tasks.modeling.metrics import Bootstrap

LABELS = ["Image Captioning", "Speech Recognition", "Atari Games"]


@pytest.fixture
def evaluation_set():
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


def predictions(scores, **others):
    return Predictions(scores.astype(float), (scores > 0.5).astype(np.int64), **others)


def test_keyword_tasks_are_split_by_mention(evaluation_set):
    assert evaluation_set.keyword_truth.sum() == 3
    assert (evaluation_set.keyword_truth & evaluation_set.mentioned).sum() == 1


def test_keywords_from_a_list_of_subjects_are_not_own_words():
    papers = pd.DataFrame({"title": ["A", "B"], "abstract": ["C", "D"], "tasks": [[], []], "masked": ["", ""]})
    papers["keywords"] = [["image captioning", "Audio: Speech recognition"], ["image captioning"]]
    evaluation_set = EvaluationSet(papers, LABELS)
    assert evaluation_set.keyword_truth.sum() == 3 and evaluation_set.own_words_truth.tolist() == [[0, 0, 0], [1, 0, 0]]


def test_a_system_that_knows_everything_scores_one(evaluation_set):
    known = evaluation_set.truth | evaluation_set.keyword_truth
    measured = evaluation_set.measure(
        predictions(evaluation_set.truth, masked=evaluation_set.truth.astype(float), are_probabilities=True)
    )
    assert evaluation_set.measure(predictions(known))["keyword_recall_at_5"] == 1
    for name in ("micro_f1", "macro_f1", "subset_accuracy", "precision_at_1", "ndcg_at_5", "masked_recall_at_5"):
        assert measured[name] == 1
    assert measured["masked_recall_at_5_macro"] == measured["coverage"] == measured["precision"] == 1
    assert measured["calibration_error"] == measured["calibration_error_at_1"] == measured["tasks_at_f1_0"] == 0


def test_tasks_are_binned_by_how_many_papers_there_were_to_learn_from(evaluation_set):
    assert {name: indices.tolist() for name, indices in evaluation_set.frequency_bins().items()} == {
        "0_to_49": [2],
        "50_to_149": [1],
        "150_to_499": [],
        "500_up": [0],
    }
    without_games = evaluation_set.truth * np.array([1, 1, 0])
    measured = evaluation_set.measure(predictions(without_games))
    assert measured["macro_f1_500_up"] == 1 and measured["macro_f1_0_to_49"] == 0
    assert "macro_f1_150_to_499" not in measured and "macro_f1_50_to_149" not in measured, "no paper has such a task"
    assert measured["tasks_at_f1_0"] == 1


def test_scores_that_a_system_cannot_have_are_left_out(evaluation_set):
    measured = evaluation_set.measure(predictions(evaluation_set.truth))
    assert not [name for name in measured.values if name.startswith(("masked", "calibration"))]
    evaluation_set.keyword_truth[:] = evaluation_set.own_words_truth[:] = 0
    assert not [
        name for name in evaluation_set.measure(predictions(evaluation_set.truth)).values if name.startswith("keyword")
    ]


def test_coverage_and_precision_are_of_tags(evaluation_set):
    predicted = np.array([[1, 1, 0], [0, 0, 0], [0, 0, 1]])
    measured = evaluation_set.measure(predictions(predicted))
    assert measured["coverage"] == pytest.approx(2 / 3) and measured["precision"] == pytest.approx(2 / 3)


def test_intervals_hold_their_score(evaluation_set):
    scores = np.array([[0.9, 0.6, 0.1], [0.2, 0.1, 0.3], [0.1, 0.2, 0.8]])
    measured = evaluation_set.measure(predictions(scores, are_probabilities=True), Bootstrap(3))
    assert measured.intervals.keys() == measured.values.keys() - {"tasks_at_f1_0"}
    for name, (low, high) in measured.intervals.items():
        assert low - 1e-6 <= measured[name] <= high + 1e-6


def test_areas(evaluation_set):
    areas = evaluation_set.by_area(predictions(evaluation_set.truth, masked=np.zeros(evaluation_set.truth.shape)))
    assert list(areas) == ["computer vision", "reinforcement learning", "audio"]
    vision = areas["computer vision"]
    assert (vision.tasks, vision.papers, vision.macro_f1, vision.keyword_recall_at_5) == (1, 2, 1, 1)
    assert areas["audio"].keyword_recall_at_5 == 1, "three labels are all among five"
    assert areas["audio"].macro_f1 is None
