"""Every baseline by its name in the table, in the table's order."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from paper_tasks.errors import InputError
from paper_tasks.evaluation.baselines import annif, linear_svm, original, string_matching, zero_shot
from paper_tasks.evaluation.evaluation_data import EvaluationData
from paper_tasks.evaluation.evaluation_set import Predictions
from paper_tasks.evaluation.score_cache import ScoreCache

# A baseline returns None, and prints why, if what it needs is not installed or not trained.
Baseline = Callable[[EvaluationData, ScoreCache], Predictions | None]

STRING_MATCHING = "string matching"
ANNIF = "Annif (Omikuji)"
ORIGINAL = "the original's recipe"
NAMES_CUT = "TF-IDF + linear SVM, names cut"
LINEAR_SVMS: dict[str, Baseline] = {
    "TF-IDF + linear SVM": linear_svm.predict_one_threshold,
    "TF-IDF + linear SVM, per-task thresholds": linear_svm.predict_per_task_thresholds,
    NAMES_CUT: linear_svm.predict_names_cut,
}
BASELINES: dict[str, Baseline] = {
    STRING_MATCHING: string_matching.predict,
    **LINEAR_SVMS,
    ANNIF: annif.predict,
    "zero-shot MiniLM": zero_shot.predict,
    ORIGINAL: original.predict,
}
# A model that learns from read papers may see their names, so that an SVM without them is no baseline there.
READ_BASELINES = [name for name in BASELINES if name != NAMES_CUT]


def check_names(names: Sequence[str] | None, known: Iterable[str] = BASELINES) -> list[str]:
    """The baselines of an evaluation: `names`, or all that it knows. Raises InputError for a name that is unknown."""
    for name in names or ():
        if name not in known:
            raise InputError(f"There is no baseline '{name}'; name one of {', '.join(known)}.")
    return [*known] if names is None else [*names]


def predict_all(
    names: Iterable[str], data: EvaluationData, cache: ScoreCache, original_dir: Path
) -> dict[str, Predictions]:
    """The predictions of those baselines that can be measured; original_dir: what `paper-tasks original` wrote."""
    baselines = BASELINES | {ORIGINAL: partial(original.predict, folder=original_dir)}
    found = {name: baselines[name](data, cache) for name in names}
    return {name: predictions for name, predictions in found.items() if predictions is not None}
