"""Scores of multi-label predictions. Arrays are (papers, labels) unless a docstring says otherwise."""

from collections.abc import Callable

import numpy as np
from sklearn.metrics import f1_score

from paper_tasks import vocabulary


def threshold_scores(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """micro_f1, macro_f1 (over labels that occur in `truth`) and subset_accuracy of 0-and-1 predictions."""
    occurring = np.flatnonzero(truth.any(axis=0))
    return {
        "micro_f1": float(f1_score(truth, predicted, average="micro", zero_division=0)),
        "macro_f1": float(f1_score(truth, predicted, average="macro", labels=occurring, zero_division=0)),
        "subset_accuracy": float((truth == predicted).all(axis=1).mean()),
    }


def precision_at_1(truth: np.ndarray, scores: np.ndarray) -> float:
    """Share of papers whose highest-scored label is right."""
    return float(truth[np.arange(len(truth)), scores.argmax(axis=1)].mean())


def best_threshold(truth: np.ndarray, scores: np.ndarray) -> float:
    """The one threshold with the highest micro-F1, found exactly by walking down the sorted scores."""
    flat = np.argsort(-scores, axis=None, kind="stable")
    hits = np.cumsum(truth.ravel()[flat])
    micro_f1 = 2 * hits / (np.arange(1, hits.size + 1) + truth.sum())
    best = int(micro_f1.argmax())
    upper = scores.ravel()[flat[best]]
    lower = scores.ravel()[flat[min(best + 1, hits.size - 1)]]
    return float((upper + lower) / 2)


class Readers:
    """What a reader is shown of scores: every task once under its canonical name, and no artefacts."""

    def __init__(self, labels: list[str]) -> None:
        groups: dict[str, list[int]] = {}
        for place, name in enumerate(labels):
            task = vocabulary.task(name)
            if vocabulary.task(task.canonical).is_task:
                groups.setdefault(task.canonical, []).append(place)
        self.names = list(groups)
        self._groups = list(groups.values())

    def merge(self, scores: np.ndarray) -> np.ndarray:
        """(papers, labels) to (papers, names): the highest score among a task's spellings."""
        return np.stack([scores[:, places].max(axis=1) for places in self._groups], axis=1)


def hits_at_k(truth: np.ndarray, scores: np.ndarray, k: int = 5) -> np.ndarray:
    """Boolean: labels of `truth` that are among their paper's k highest scores above the lowest possible."""
    top = np.argsort(-scores, axis=1)[:, :k]
    in_top = np.zeros(scores.shape, dtype=bool)
    np.put_along_axis(in_top, top, True, axis=1)
    return in_top & (scores > -np.inf) & truth.astype(bool)


def recall(hits: np.ndarray, truth: np.ndarray) -> float:
    """Share of the (paper, label) pairs of `truth` that were hit."""
    return float(hits.sum() / max(1, truth.sum()))


def bootstrap_interval(
    statistic: Callable[[np.ndarray], float], papers: int, draws: int = 1000, seed: int = 22
) -> tuple[float, float]:
    """95% percentile interval (Efron, 1979) of `statistic(rows)` over papers drawn with replacement."""
    rng = np.random.default_rng(seed)
    values = [statistic(rng.integers(0, papers, papers)) for _ in range(draws)]
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
