"""A threshold for each task, for systems whose scores are not calibrated. Arrays are (papers, labels)."""

import numpy as np

from paper_tasks.modeling import metrics

# The shared threshold weighs as much as so many papers of the task; the last value leaves nothing but the shared one.
SHRINKAGES = (0.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 1e9)


def per_task_thresholds(truth: np.ndarray, scores: np.ndarray, folds: int = 5, seed: int = 22) -> np.ndarray:
    """(labels,): each label's threshold of highest F1, drawn towards the shared one if the label has few papers.

    A label of n papers gets (n * its best threshold + s * the shared threshold) / (n + s). A cross-validation chooses
    s from `SHRINKAGES`, by macro-F1 on papers that the thresholds were not chosen on.
    """
    fold = np.random.default_rng(seed).permutation(len(truth)) % folds
    predicted = {shrinkage: np.zeros(truth.shape, dtype=np.int64) for shrinkage in SHRINKAGES}
    for number in range(folds):
        held_out, fitted = fold == number, fold != number
        for shrinkage, thresholds in _shrunk(truth[fitted], scores[fitted]).items():
            predicted[shrinkage][held_out] = scores[held_out] >= thresholds
    best = max(SHRINKAGES, key=lambda shrinkage: metrics.macro_f1(truth, predicted[shrinkage]).value())
    return _shrunk(truth, scores)[best]


def _shrunk(truth: np.ndarray, scores: np.ndarray) -> dict[float, np.ndarray]:
    """Thresholds (labels,) by shrinkage."""
    papers, shared = truth.sum(axis=0), metrics.best_threshold(truth, scores)
    best = np.where(papers > 0, metrics.best_thresholds(truth, scores), shared)
    return {
        # Without papers and shrinkage, the mean would be 0 / 0.
        shrinkage: np.where(
            papers > 0, (papers * best + shrinkage * shared) / np.maximum(papers + shrinkage, 1), shared
        )
        for shrinkage in SHRINKAGES
    }
