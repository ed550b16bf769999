import numpy as np
import pytest

from paper_tasks import metrics

TRUTH = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0]])


def test_threshold_scores_by_hand():
    predicted = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 1]])
    scores = metrics.threshold_scores(TRUTH, predicted)
    assert scores["micro_f1"] == pytest.approx(2 * 3 / (4 + 4))
    assert scores["macro_f1"] == pytest.approx((1.0 + 2 / 3) / 2), "the label that never occurs does not count"
    assert scores["subset_accuracy"] == pytest.approx(1 / 3)


def test_precision_at_1():
    scores = np.array([[0.9, 0.1, 0.2], [0.1, 0.2, 0.9], [0.1, 0.5, 0.4]])
    assert metrics.precision_at_1(TRUTH, scores) == pytest.approx(2 / 3)


def test_best_threshold_is_the_best_of_all():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, (40, 5))
    scores = rng.normal(size=(40, 5)) + truth
    found = metrics.best_threshold(truth, scores)

    def micro_f1(threshold):
        return metrics.threshold_scores(truth, (scores >= threshold).astype(int))["micro_f1"]

    assert micro_f1(found) == pytest.approx(max(micro_f1(value) for value in scores.ravel()))


def test_hits_at_k_takes_no_label_that_was_not_ranked():
    scores = np.full((1, 8), -np.inf)
    scores[0, 3] = 1.0
    truth = np.zeros((1, 8), dtype=int)
    truth[0, [3, 4]] = 1
    hits = metrics.hits_at_k(truth, scores, k=5)
    assert hits[0].tolist() == [False, False, False, True, False, False, False, False]
    assert metrics.recall(hits, truth) == 0.5


def test_readers_see_a_task_once_and_no_artefacts():
    labels = ["NER", "Navigate", "named-entity-recognition", "Retrieval"]
    readers = metrics.Readers(labels)
    assert readers.names == ["Named Entity Recognition (NER)", "Retrieval"]
    merged = readers.merge(np.array([[0.2, 0.9, 0.7, 0.1]]))
    assert merged.tolist() == [[0.7, 0.1]]


def test_bootstrap_interval_holds_the_mean_and_narrows():
    values = np.random.default_rng(1).integers(0, 2, 400)
    low, high = metrics.bootstrap_interval(lambda rows: values[rows].mean(), 400)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.15)
