"""Every baseline by its name in the table, in the table's order."""

from collections.abc import Callable

from paper_tasks.evaluation.baselines import annif, linear_svm, original, string_matching, zero_shot
from paper_tasks.evaluation.evaluation_data import EvaluationData
from paper_tasks.evaluation.evaluation_set import Predictions
from paper_tasks.evaluation.score_cache import ScoreCache

# A baseline returns None, and prints why, if what it needs is not installed or not trained.
Baseline = Callable[[EvaluationData, ScoreCache], Predictions | None]

STRING_MATCHING = "string matching"
ANNIF = "Annif (Omikuji)"
ORIGINAL = "the original's recipe"
LINEAR_SVMS: dict[str, Baseline] = {
    "TF-IDF + linear SVM": linear_svm.predict_one_threshold,
    "TF-IDF + linear SVM, per-task thresholds": linear_svm.predict_per_task_thresholds,
    "TF-IDF + linear SVM, names cut": linear_svm.predict_names_cut,
}
BASELINES: dict[str, Baseline] = {
    STRING_MATCHING: string_matching.predict,
    **LINEAR_SVMS,
    ANNIF: annif.predict,
    "zero-shot MiniLM": zero_shot.predict,
    ORIGINAL: original.predict,
}
