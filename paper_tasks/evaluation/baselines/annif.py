"""Annif, the subject-indexing tool of libraries, with its Omikuji backend."""

import sys

import numpy as np

from paper_tasks.data.prepared_folder import texts
from paper_tasks.evaluation.baselines.annif_client import HOW_TO_INSTALL, PROGRAM, PROJECT, Annif
from paper_tasks.evaluation.evaluation_data import EvaluationData
from paper_tasks.evaluation.evaluation_set import Predictions
from paper_tasks.evaluation.score_cache import Arrays, ScoreCache


class NotInstalled(Exception):
    """Annif is needed and not installed."""


def predict(data: EvaluationData, cache: ScoreCache) -> Predictions | None:
    """Annif's suggestions, at the limit and the threshold that its `optimize` finds on the development split.

    On read labels, they are at the one threshold of highest micro-F1 there.

    Returns None, and prints a line to stderr, if Annif is not installed and the cache does not have its scores.
    """

    def compute() -> Arrays:
        if not PROGRAM.is_file():
            raise NotInstalled
        with Annif(data.labels) as project:
            project.train(texts(data.train), data.train_truth)
            arrays = {
                "published": project.scores(texts(data.papers)),
                "masked": project.scores([*data.papers["masked"]]),
            }
            if data.is_read:
                return arrays | {"dev": project.scores(texts(data.dev))}
            return arrays | {"limit_and_threshold": np.array(project.optimize(texts(data.dev), data.dev_truth))}

    try:
        arrays = cache.arrays("annif", PROJECT, compute)
    except NotInstalled:
        print(HOW_TO_INSTALL, file=sys.stderr)
        return None
    if data.is_read:
        # Annif's own search does not know of tasks that are neither right nor wrong.
        return Predictions.at(data.best_threshold(arrays["dev"]), arrays)
    limit, threshold = arrays["limit_and_threshold"]
    predicted = keep_best(arrays["published"], int(limit), threshold)
    return Predictions(arrays["published"], predicted, arrays["masked"])


def keep_best(scores: np.ndarray, limit: int, threshold: float) -> np.ndarray:
    """0 and 1, (papers, labels): the `limit` highest scores of each paper that reach the threshold."""
    top = np.argsort(-scores, axis=1, kind="stable")[:, :limit]
    among_first = np.zeros(scores.shape, dtype=bool)
    np.put_along_axis(among_first, top, True, axis=1)
    return (among_first & (scores >= threshold) & (scores > -np.inf)).astype(np.int64)
