"""Scores of multi-label predictions, and their confidence intervals.

Arrays are (papers, labels) unless a docstring says otherwise. A score is a `Statistic`: a function of sums over the
papers. The score of a bootstrap sample is the same function of weighted sums, so a thousand samples take one matrix
product.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from paper_tasks.data import vocabulary


class Statistic(NamedTuple):
    """A score of a set of papers.

    terms: float32 (papers, columns), what each paper adds to the sums. score: from (..., columns) of sums to (...); it
    is NaN where the score is not defined, such as a recall of tasks that no paper has.
    """

    terms: np.ndarray
    score: Callable[[np.ndarray], np.ndarray]

    def value(self) -> float:
        """The score of all papers."""
        return float(self.score(self.terms.sum(axis=0, dtype=np.float64)))


class Bootstrap:
    """Sets of papers drawn with replacement (Efron, 1979).

    They are the same for every statistic, so that differences between two systems are paired.
    """

    def __init__(self, papers: int, draws: int = 1000, seed: int = 22) -> None:
        rng = np.random.default_rng(seed)
        drawn = (np.bincount(rng.integers(0, papers, papers), minlength=papers) for _ in range(draws))
        self._weights = np.array([*drawn], dtype=np.float32)

    def values(self, statistic: Statistic) -> np.ndarray:
        """The score of each set: (draws,)."""
        return statistic.score((self._weights @ statistic.terms).astype(np.float64))


def interval(values: np.ndarray) -> tuple[float, float]:
    """95% percentile interval of the values of `Bootstrap.values`, or of differences between two; NaN is left out."""
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)


def micro_f1(truth: np.ndarray, predicted: np.ndarray) -> Statistic:
    """F1 of all (paper, label) pairs; predicted: 0 and 1."""
    terms = [(truth * predicted).sum(axis=1), predicted.sum(axis=1) + truth.sum(axis=1)]
    return Statistic(_columns(*terms), lambda sums: _ratio(2 * sums[..., 0], sums[..., 1]))


def macro_f1(truth: np.ndarray, predicted: np.ndarray) -> Statistic:
    """Mean F1 of the labels that occur in `truth`; predicted: 0 and 1."""

    def score(sums: np.ndarray) -> np.ndarray:
        hits, named, true = np.split(sums, 3, axis=-1)
        return _mean(_ratio(2 * hits, named + true), where=true > 0)

    return Statistic(_columns(truth * predicted, predicted, truth), score)


def subset_accuracy(truth: np.ndarray, predicted: np.ndarray) -> Statistic:
    """Share of papers with exactly the right labels; predicted: 0 and 1."""
    return share((truth == predicted).all(axis=1))


def precision_at_k(truth: np.ndarray, scores: np.ndarray, k: int) -> Statistic:
    """Mean share of right labels among a paper's k highest scores; at best below 1 for a paper of fewer labels."""
    return share(hits_at_k(truth, scores, k).sum(axis=1) / k)


def ndcg_at_k(truth: np.ndarray, scores: np.ndarray, k: int = 5) -> Statistic:
    """Mean normalized discounted cumulative gain of papers with labels (Järvelin and Kekäläinen, 2002)."""
    top = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    gains = np.take_along_axis(truth * (scores > -np.inf), top, axis=1)
    discounts = 1 / np.log2(np.arange(2, top.shape[1] + 2))
    possible = np.concatenate([[0], discounts.cumsum()])[np.minimum(truth.sum(axis=1), top.shape[1])]
    labelled = possible > 0
    share_of_possible = (gains @ discounts) / np.where(labelled, possible, 1)
    return Statistic(_columns(share_of_possible, labelled), lambda sums: _ratio(sums[..., 0], sums[..., 1]))


def micro_recall(hits: np.ndarray, truth: np.ndarray) -> Statistic:
    """Share of the (paper, label) pairs of `truth` that are hits too; both arrays are 0 and 1."""
    terms = _columns((hits * truth).sum(axis=1), truth.sum(axis=1))
    return Statistic(terms, lambda sums: _ratio(sums[..., 0], sums[..., 1]))


def macro_recall(hits: np.ndarray, truth: np.ndarray) -> Statistic:
    """Mean over the labels that occur in `truth`: the share of a label's papers that are hits."""

    def score(sums: np.ndarray) -> np.ndarray:
        found, true = np.split(sums, 2, axis=-1)
        return _mean(_ratio(found, true), where=true > 0)

    return Statistic(_columns(hits * truth, truth), score)


def precision(truth: np.ndarray, predicted: np.ndarray) -> Statistic:
    """Share of the predicted (paper, label) pairs that are true."""
    return micro_recall(truth, predicted)


def share(values: np.ndarray) -> Statistic:
    """Mean of one value for each paper, (papers,)."""
    return Statistic(_columns(values, np.ones(len(values))), lambda sums: _ratio(sums[..., 0], sums[..., 1]))


def calibration_error(
    truth: np.ndarray, probabilities: np.ndarray, bins: int = 10, counted: np.ndarray | None = None
) -> Statistic:
    """Expected calibration error (Naeini et al., 2015).

    It is the distance between mean probability and share that is right, in equally wide bins, averaged over the
    (paper, label) pairs that are `counted`: boolean, by default all.
    """
    if counted is None:
        counted = np.ones(truth.shape, dtype=bool)
    indices = np.where(counted, probability_bins(probabilities, bins), -1)
    gaps = probabilities - truth
    terms = [np.where(indices == index, gaps, 0).sum(axis=1) for index in range(bins)]
    pairs = counted.sum(axis=1)
    return Statistic(_columns(*terms, pairs), lambda sums: _ratio(np.abs(sums[..., :-1]).sum(axis=-1), sums[..., -1]))


def top_calibration_error(truth: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> Statistic:
    """Calibration error of each paper's likeliest label (Guo et al., 2017); most other pairs are plainly false."""
    top = probabilities.argmax(axis=1)[:, None]
    return calibration_error(np.take_along_axis(truth, top, 1), np.take_along_axis(probabilities, top, 1), bins)


def probability_bins(probabilities: np.ndarray, bins: int = 10) -> np.ndarray:
    """The index of the bin of each probability, in equally wide bins; int64, of the same shape."""
    return np.minimum((probabilities * bins).astype(np.int64), bins - 1)


def threshold_scores(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """micro_f1, macro_f1 (over labels that occur in `truth`) and subset_accuracy of 0-and-1 predictions."""
    return {score.__name__: score(truth, predicted).value() for score in (micro_f1, macro_f1, subset_accuracy)}


def precision_at_1(truth: np.ndarray, scores: np.ndarray) -> float:
    """Share of papers whose highest-scored label is right."""
    return precision_at_k(truth, scores, 1).value()


def f1_by_label(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """(labels,): F1 of each label; 0 where no paper has it and none is predicted to have it."""
    f1: np.ndarray = 2 * (truth * predicted).sum(axis=0) / np.maximum(1, truth.sum(axis=0) + predicted.sum(axis=0))
    return f1


def best_threshold(truth: np.ndarray, scores: np.ndarray) -> float:
    """The one threshold with the highest micro-F1, found exactly by walking down the sorted scores."""
    return float(best_thresholds(truth.reshape(-1, 1), scores.reshape(-1, 1))[0])


def best_thresholds(truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """(labels,): each label's threshold of highest F1, halfway between two scores.

    No threshold lies between equal scores, and none lets in a score of minus infinity.
    """
    order = np.argsort(-scores, axis=0, kind="stable")
    ranked = np.take_along_axis(scores, order, axis=0)
    hits = np.take_along_axis(truth, order, axis=0).cumsum(axis=0)
    f1 = 2 * hits / (np.arange(1, len(truth) + 1)[:, None] + truth.sum(axis=0))
    f1[:-1][ranked[:-1] == ranked[1:]] = -1
    f1[np.isneginf(ranked)] = -1
    best, labels = f1.argmax(axis=0), np.arange(truth.shape[1])
    last, first = ranked[best, labels], ranked[np.minimum(best + 1, len(truth) - 1), labels]
    halfway = (last + np.where(np.isneginf(first), last, first)) / 2
    return np.where(np.isneginf(halfway), np.inf, halfway)


class CanonicalTasks:
    """The tasks that a reader is shown: each once, under its canonical name, without artefacts."""

    def __init__(self, labels: list[str]) -> None:
        groups: dict[str, list[int]] = {}
        for column, name in enumerate(labels):
            task = vocabulary.task(name)
            if vocabulary.task(task.canonical).is_task:
                groups.setdefault(task.canonical, []).append(column)
        self.names = list(groups)
        self._groups = list(groups.values())

    def merge(self, scores: np.ndarray) -> np.ndarray:
        """(papers, labels) to (papers, names): the highest score among a task's spellings."""
        return np.stack([scores[:, columns].max(axis=1) for columns in self._groups], axis=1)


def hits_at_k(truth: np.ndarray, scores: np.ndarray, k: int = 5) -> np.ndarray:
    """Boolean: labels of `truth` that are among the k highest scores of their paper; minus infinity never is."""
    top = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    in_top = np.zeros(scores.shape, dtype=bool)
    np.put_along_axis(in_top, top, True, axis=1)
    hits: np.ndarray = in_top & (scores > -np.inf) & truth.astype(bool)
    return hits


def _columns(*terms: np.ndarray) -> np.ndarray:
    """The terms side by side, float32 (papers, columns); each is (papers,) or (papers, columns)."""
    return np.column_stack(terms).astype(np.float32)


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """NaN where the denominator is 0."""
    ratio: np.ndarray = np.divide(
        numerator, denominator, out=np.full(np.shape(numerator), np.nan), where=denominator > 0
    )
    return ratio


def _mean(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    return _ratio(np.where(where, values, 0).sum(axis=-1), where.sum(axis=-1))
