import re

import numpy as np
import pandas as pd
import pytest

from paper_tasks.data.prepared_folder import pairs, read_labels, read_split
from paper_tasks.evaluation import error_analysis
from paper_tasks.evaluation.evaluation_set import EvaluationSet
from paper_tasks.tagger.classifier import TaskClassifier

LABELS = ["Image Captioning", "Speech Recognition", "Atari Games", "Question Answering"]
TRUTH = np.array([[1, 0, 0, 0], [1, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0]])
PREDICTED = np.array([[1, 0, 0, 0], [0, 1, 1, 0], [0, 1, 0, 0], [0, 1, 0, 0]])


def test_scores_by_task_most_frequent_first():
    table = error_analysis.per_task(TRUTH, PREDICTED, LABELS, [10, 20, 5, 0])
    assert table.index.tolist() == ["Speech Recognition", "Image Captioning", "Atari Games"]
    captioning = table.loc["Image Captioning"]
    assert captioning[["precision", "recall", "f1"]].tolist() == pytest.approx([1, 1 / 3, 0.5])
    assert captioning[["train papers", "test papers", "predicted"]].tolist() == [10, 3, 1]
    assert table.loc["Atari Games", "area"] == "reinforcement learning"


def test_groups_of_like_many_tasks_by_frequency():
    table = pd.DataFrame({"train papers": range(12), "precision": 1.0, "recall": 0.5, "f1": [0.0] * 6 + [1.0] * 6})
    groups = error_analysis.by_frequency(table, groups=2)
    assert groups["tasks"].tolist() == [6, 6] and groups["f1"].tolist() == [0, 1]
    assert groups["train papers"].tolist() == [2.5, 8.5]
    assert len(error_analysis.by_frequency(table[:2], groups=6)) == 2


def test_probabilities_that_mean_what_they_say_have_no_error():
    rng = np.random.default_rng(0)
    probabilities = rng.random((5000, 10))
    truth = (rng.random(probabilities.shape) < probabilities).astype(int)
    table, error = error_analysis.reliability(truth, probabilities)
    assert len(table) == 10 and table["pairs"].sum() == truth.size
    assert error < 0.02
    assert error_analysis.reliability(truth, np.ones_like(probabilities))[1] == pytest.approx(1 - truth.mean())


def test_thresholds_trade_recall_for_precision():
    probabilities = np.where(PREDICTED == 1, 0.8, 0.1)
    curve = error_analysis.threshold_curve(TRUTH, probabilities, [0.05, 0.5, 0.9])
    assert curve["recall"].tolist() == [1, 3 / 5, 0]
    assert curve["precision"].tolist() == [5 / 16, 3 / 5, 1]
    assert curve["tags per paper"].tolist() == [4, 1.25, 0]
    assert curve.loc[0.5, "micro_f1"] == pytest.approx(0.6)


def test_confusions_are_of_the_same_paper():
    table = error_analysis.confusions(TRUTH, PREDICTED, LABELS)
    assert table.to_dict("records") == [
        {"missed": "Image Captioning", "named instead": "Speech Recognition", "papers": 2, "share": 1.0}
    ]
    assert error_analysis.confusions(TRUTH, TRUTH, LABELS).empty


@pytest.mark.parametrize(
    "abstract, reason",
    [
        ("We do image  captioning. Our image captioning works.", "named in the text: 'image captioning' 2×"),
        ("We describe photographs.", "not named in the text"),
    ],
)
def test_why_a_task_was_missed(abstract, reason):
    assert error_analysis.why_missed("A method", abstract, "Image Captioning").startswith(reason)


@pytest.fixture(scope="module")
def tiny_classifier(exported):
    return TaskClassifier.load(exported[1])


def test_a_wrong_tag_s_reason_is_the_sentence_on_the_task(tiny_classifier):
    abstract = "We measure two data sets. Grainy pictures restored: image denoising. It is simple."
    reason = error_analysis.why_tagged(tiny_classifier, "Study", abstract, "Image Denoising")
    assert re.fullmatch(r"without .* falls by [01]\.\d\d: 'Grainy pictures restored: image denoising\.'", reason)
    reason = error_analysis.why_tagged(tiny_classifier, "Atari games", "", "Atari Games")
    assert reason == "no single sentence decides it"


def test_mistakes_of_both_kinds_have_reasons(tiny_classifier, prepared):
    evaluation_set = EvaluationSet(read_split(prepared, "test"), read_labels(prepared))
    probabilities = tiny_classifier.probabilities(pairs(evaluation_set.papers, "test"))
    predicted = (probabilities >= tiny_classifier.thresholds).astype(int)

    def mistakes():
        return error_analysis.mistakes(
            evaluation_set, probabilities, tiny_classifier.thresholds, tiny_classifier, papers=2
        )

    evaluation_set.truth = predicted.copy()
    assert mistakes().empty
    atari, captioning = (evaluation_set.labels.index(name) for name in ("Atari Games", "Image Captioning"))
    tagged, untagged = predicted[:, atari].argmax(), predicted[:, captioning].argmin()
    evaluation_set.truth[tagged, atari], evaluation_set.truth[untagged, captioning] = 0, 1
    table = mistakes()
    assert table["mistake"].tolist() == ["wrong tag", "missed"]
    assert table["task"].tolist() == ["Atari Games", "Image Captioning"]
    assert table["title"].tolist() == evaluation_set.papers["title"].iloc[[tagged, untagged]].tolist()
    assert table["probability"].tolist() == pytest.approx(
        [probabilities[tagged, atari], probabilities[untagged, captioning]], abs=1e-3
    )
    assert table["reason"].iloc[0].startswith(("without this sentence", "no single sentence"))
    assert table["reason"].iloc[1].startswith("not named in the text")
