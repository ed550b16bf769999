from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import f1_score, ndcg_score

from paper_tasks.modeling import metrics

TRUTH = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0]])


@pytest.fixture(scope="module")
def case():
    """Truth, predictions and scores of 200 papers and 12 labels, the last of which never occurs."""
    rng = np.random.default_rng(3)
    truth = (rng.random((200, 12)) < np.linspace(0.4, 0.02, 12)).astype(np.int64)
    truth[:, -1] = 0
    scores = np.clip(0.5 * truth + rng.random(truth.shape) / 2, 0, 1)
    return truth, (scores > 0.45).astype(np.int64), scores


def test_threshold_scores_by_hand():
    predicted = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 1]])
    scores = metrics.threshold_scores(TRUTH, predicted)
    assert scores["micro_f1"] == pytest.approx(2 * 3 / (4 + 4))
    assert scores["macro_f1"] == pytest.approx((1.0 + 2 / 3) / 2), "the label that never occurs does not count"
    assert scores["subset_accuracy"] == pytest.approx(1 / 3)


def test_f1_is_scikit_learns(case):
    truth, predicted, _ = case
    assert metrics.micro_f1(truth, predicted).value() == pytest.approx(f1_score(truth, predicted, average="micro"))
    occurring = f1_score(truth[:, :-1], predicted[:, :-1], average="macro")
    assert metrics.macro_f1(truth, predicted).value() == pytest.approx(occurring)
    by_label = f1_score(truth, predicted, average=None, zero_division=0)
    assert metrics.f1_by_label(truth, predicted) == pytest.approx(by_label)


def test_ndcg_is_scikit_learns(case):
    truth, _, scores = case
    labelled = truth.any(axis=1)
    found = metrics.ndcg_at_k(truth, scores, 5).value()
    assert found == pytest.approx(ndcg_score(truth[labelled], scores[labelled], k=5))
    assert metrics.ndcg_at_k(truth, truth.astype(float), 5).value() == pytest.approx(1)


def test_precision_at_k():
    scores = np.array([[0.9, 0.1, 0.2], [0.1, 0.2, 0.9], [0.1, 0.5, 0.4]])
    assert metrics.precision_at_1(TRUTH, scores) == pytest.approx(2 / 3)
    assert metrics.precision_at_k(TRUTH, scores, 3).value() == pytest.approx(4 / 9)


def test_recall_over_pairs_and_over_tasks():
    hits = np.array([[1, 0, 0], [0, 1, 0], [0, 1, 0]])
    assert metrics.micro_recall(hits, TRUTH).value() == pytest.approx(3 / 4)
    assert metrics.macro_recall(hits, TRUTH).value() == pytest.approx((1 / 2 + 1) / 2)
    assert np.isnan(metrics.micro_recall(hits, 0 * TRUTH).value()), "no recall without labels"
    assert metrics.precision(TRUTH, np.array([[1, 1, 0], [0, 0, 0], [0, 1, 1]])).value() == pytest.approx(2 / 4)


def calibration_error(truth, probabilities):
    """By its definition: in ten bins, the mean probability's distance from the share that is right."""
    edges = np.linspace(0, 1, 11)
    edges[-1] = np.inf
    bins = [(probabilities >= low) & (probabilities < high) for low, high in pairwise(edges)]
    return sum(abs((probabilities - truth)[inside].sum()) for inside in bins) / truth.size


def test_calibration_error_is_that_of_its_definition(case):
    truth, _, scores = case
    assert metrics.calibration_error(truth, scores).value() == pytest.approx(calibration_error(truth, scores))
    right = truth[np.arange(len(truth)), scores.argmax(axis=1)]
    error = calibration_error(right, scores.max(axis=1))
    assert metrics.top_calibration_error(truth, scores).value() == pytest.approx(error)


def test_the_calibration_error_may_be_of_some_pairs():
    truth, probabilities = np.array([[1, 0, 1], [0, 0, 1]]), np.array([[0.9, 0.2, 0.1], [0.3, 0.95, 0.6]])
    counted = np.array([[True, False, False], [True, False, True]])
    error = metrics.calibration_error(truth, probabilities, counted=counted)
    assert error.value() == pytest.approx(calibration_error(truth[counted], probabilities[counted]))


def test_a_certain_probability_is_in_the_last_bin():
    assert metrics.probability_bins(np.array([0.0, 0.0999, 0.1, 0.95, 1.0])).tolist() == [0, 0, 1, 9, 9]


@pytest.mark.parametrize("digits", [8, 1, 0])
def test_best_threshold_is_the_best_of_all(digits):
    """Also among equal scores, and where some labels were not ranked."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, (40, 5))
    scores = (rng.normal(size=(40, 5)) + truth).round(digits)
    scores[scores < -1] = -np.inf
    found = metrics.best_threshold(truth, scores)

    def micro_f1(threshold):
        return metrics.threshold_scores(truth, (scores >= threshold).astype(int))["micro_f1"]

    assert micro_f1(found) == pytest.approx(max(micro_f1(value) for value in scores[scores > -np.inf]))


def test_hits_at_k_has_no_label_that_was_not_ranked():
    scores = np.full((1, 8), -np.inf)
    scores[0, 3] = 1.0
    truth = np.zeros((1, 8), dtype=int)
    truth[0, [3, 4]] = 1
    hits = metrics.hits_at_k(truth, scores, k=5)
    assert hits[0].tolist() == [False, False, False, True, False, False, False, False]
    assert metrics.micro_recall(hits, truth).value() == 0.5


def test_canonical_tasks_are_shown_once_and_without_artefacts():
    labels = ["NER", "Navigate", "named-entity-recognition", "Retrieval"]
    readers = metrics.CanonicalTasks(labels)
    assert readers.names == ["Named Entity Recognition (NER)", "Retrieval"]
    merged = readers.merge(np.array([[0.2, 0.9, 0.7, 0.1]]))
    assert merged.tolist() == [[0.7, 0.1]]


def test_a_drawn_set_has_the_score_of_its_papers_repeated(case):
    truth, predicted, scores = case
    rows = np.random.default_rng(22).integers(0, len(truth), len(truth))
    bootstrap = metrics.Bootstrap(len(truth), draws=2, seed=22)
    for statistic in (metrics.micro_f1, metrics.macro_f1):
        drawn = statistic(truth[rows], predicted[rows]).value()
        assert bootstrap.values(statistic(truth, predicted))[0] == pytest.approx(drawn, abs=1e-6)
    drawn = metrics.ndcg_at_k(truth[rows], scores[rows]).value()
    assert bootstrap.values(metrics.ndcg_at_k(truth, scores))[0] == pytest.approx(drawn, abs=1e-6)


def test_interval_holds_the_mean_and_narrows():
    values = np.random.default_rng(1).integers(0, 2, 400)
    low, high = metrics.interval(metrics.Bootstrap(400).values(metrics.share(values)))
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.15)
