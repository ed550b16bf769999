"""The scores of tags against labels made by reading, and against positives.

All arrays are 0 and 1 and (papers, tasks), over canonical tasks, unless a docstring says otherwise. Of a paper, `main`
has the tasks that it works on, and `ok` those that fit too: as a tag of the first level they count neither for nor
against a system.
"""

import numpy as np

from paper_tasks.modeling import metrics
from paper_tasks.modeling.metrics import Statistic

# Macro-F1 is over the tasks that so many papers work on.
ENOUGH_PAPERS = 3


def neutral(main: np.ndarray, ok: np.ndarray) -> np.ndarray:
    """Boolean: the tasks that fit a paper and are not what it works on."""
    is_neutral: np.ndarray = (ok > 0) & (main == 0)
    return is_neutral


def level_main(main: np.ndarray, ok: np.ndarray, shown: np.ndarray, scores: np.ndarray) -> dict[str, Statistic]:
    """The scores of the tags that say what a paper works on.

    shown: the tags. scores: by which the system ranks all tasks; minus infinity is not ranked.
    """
    fits = main | ok
    counted = shown * ~neutral(main, ok)
    often = main.sum(axis=0) >= ENOUGH_PAPERS
    return {
        "f1": metrics.micro_f1(main, counted),
        "precision": metrics.precision(fits, shown),
        "recall": metrics.micro_recall(shown, main),
        "precision_at_1": first_is_right(main, scores),
        "recall_at_5": metrics.micro_recall(metrics.hits_at_k(main, scores), main),
        "macro_f1": metrics.macro_f1(main[:, often], counted[:, often]),
        "none_for_none": none_for_none(fits, shown),
    }


def both_levels(main: np.ndarray, ok: np.ndarray, shown: np.ndarray) -> dict[str, Statistic]:
    """Precision and recall of the tags of either level, `shown`, against the tasks of either level."""
    fits = main | ok
    return {"precision_both": metrics.precision(fits, shown), "recall_both": metrics.micro_recall(shown, fits)}


def positives(
    truth: np.ndarray, mentioned: np.ndarray, complete: np.ndarray, shown: np.ndarray, scores: np.ndarray
) -> dict[str, Statistic]:
    """The scores against tasks that are right, where nothing is known of the others.

    mentioned: the tasks that title or abstract names. complete: boolean (papers,), whether a paper has all its tasks;
    F1 is of these papers alone.
    """
    hits, whole = metrics.hits_at_k(truth, scores), complete[:, None]
    return {
        "recall_at_5": metrics.micro_recall(hits, truth),
        "recall_at_5_unmentioned": metrics.micro_recall(hits, truth * (mentioned == 0)),
        "precision_at_1": first_is_right(truth, scores),
        "f1_complete": metrics.micro_f1(truth * whole, shown * whole),
    }


def first_is_right(truth: np.ndarray, scores: np.ndarray) -> Statistic:
    """Share of the papers with a task whose first suggestion is one of their tasks."""
    return metrics.micro_recall(_any(metrics.hits_at_k(truth, scores, 1)), _any(truth))


def none_for_none(fits: np.ndarray, shown: np.ndarray) -> Statistic:
    """Share of the papers without any task that get no tag."""
    return metrics.micro_recall(1 - _any(shown), 1 - _any(fits))


def calibrated(main: np.ndarray, ok: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Boolean: the tags whose probability is judged, which are those shown that are right or wrong."""
    judged: np.ndarray = (shown > 0) & ~neutral(main, ok)
    return judged


def calibration_error(main: np.ndarray, ok: np.ndarray, shown: np.ndarray, probabilities: np.ndarray) -> Statistic:
    """Distance between mean probability and share that is right, of the shown tags in ten equally wide bins."""
    return metrics.calibration_error(main, probabilities, counted=calibrated(main, ok, shown))


def _any(values: np.ndarray) -> np.ndarray:
    """Whether a paper has any of the tasks: 0 and 1, (papers, 1)."""
    return np.asarray(values.max(axis=1, keepdims=True), dtype=np.int64)
