import numpy as np
import pytest

from paper_tasks.evaluation.baselines.thresholds import per_task_thresholds
from paper_tasks.modeling import metrics


def shifted(papers, seed, rate=0.3):
    """Two labels whose scores separate at 0 and at 4."""
    rng = np.random.default_rng(seed)
    truth = (rng.random((papers, 2)) < rate).astype(np.int64)
    return truth, rng.normal(size=truth.shape) * 0.5 + 2 * truth - 1 + np.array([0, 4])


def test_a_task_with_many_papers_gets_its_own_threshold():
    truth, scores = shifted(400, seed=0)
    assert per_task_thresholds(truth, scores) == pytest.approx([0, 4], abs=0.7)
    new_truth, new_scores = shifted(400, seed=1)
    apart = metrics.macro_f1(new_truth, (new_scores >= per_task_thresholds(truth, scores)).astype(int)).value()
    together = metrics.macro_f1(new_truth, (new_scores >= metrics.best_threshold(truth, scores)).astype(int)).value()
    assert apart > 0.9 > together


def test_a_task_without_papers_gets_the_shared_threshold():
    truth, scores = shifted(100, seed=0)
    truth, scores = np.column_stack([truth, np.zeros(100, dtype=np.int64)]), np.column_stack([scores, scores[:, 0]])
    assert per_task_thresholds(truth, scores)[2] == metrics.best_threshold(truth, scores)


def test_scores_that_were_not_ranked_are_allowed():
    truth, scores = shifted(60, seed=0)
    scores[truth == 0] = -np.inf
    predicted = (scores >= per_task_thresholds(truth, scores)).astype(int)
    assert metrics.macro_f1(truth, predicted).value() == 1
