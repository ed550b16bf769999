"""Where a score becomes a tag: a threshold for each task. Arrays are (papers, labels)."""

import numpy as np

from paper_tasks.modeling import metrics

# Papers' worth of trust in the one threshold for all; infinity would be that threshold alone.
SHRINKAGES = (0.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 1e9)


def per_task_thresholds(truth: np.ndarray, scores: np.ndarray, folds: int = 5, seed: int = 22) -> np.ndarray:
    """(labels,): each label's threshold of highest F1, drawn towards the one for all labels where papers are few.

    A label of n papers gets (n * its own + s * the one for all) / (n + s). The shrinkage s is the one of
    `SHRINKAGES` with the highest macro-F1 on papers that the thresholds were not chosen on, in a cross-validation.
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
    own = np.where(papers > 0, metrics.best_thresholds(truth, scores), shared)
    return {
        # A label without papers and without shrinkage has nothing to go by: 0 / 0.
        shrinkage: np.where(papers > 0, (papers * own + shrinkage * shared) / np.maximum(papers + shrinkage, 1), shared)
        for shrinkage in SHRINKAGES
    }
