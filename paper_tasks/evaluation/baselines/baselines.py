"""What one would use otherwise, each at its best: every baseline of the table by its name, and what it answers.

Thresholds are chosen on the development split. Scores that take long come from a cache.
"""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC
from tqdm import tqdm

from paper_tasks.data import vocabulary
from paper_tasks.data.distant_labels import Labeller
from paper_tasks.data.prepare import multi_hot, texts
from paper_tasks.evaluation.baselines import annif
from paper_tasks.evaluation.baselines.thresholds import per_task_thresholds
from paper_tasks.evaluation.evaluation_set import Predictions
from paper_tasks.evaluation.score_cache import Arrays, ScoreCache, label_checksum
from paper_tasks.modeling import metrics
from paper_tasks.tagger.model_folder import file_checksum

# Papers of the development split that the one threshold of the slow zero-shot similarity is chosen on.
ZERO_SHOT_DEV = 1000
ZERO_SHOT_BACKBONE = "minilm"
# Where `python -m paper_tasks.evaluation.baselines.original` leaves its model.
ORIGINAL = Path("models/original")


@dataclass(frozen=True)
class Splits:
    """Papers as `read_split` gives them: to learn from, to choose thresholds on, and to be measured on.

    held_out: what `held_out_checksum` tells of them.
    near_duplicates: how many papers are not measured, being nearly one to learn from.
    """

    train: pd.DataFrame
    dev: pd.DataFrame
    papers: pd.DataFrame
    labels: list[str]
    held_out: str
    near_duplicates: int

    @cached_property
    def dev_truth(self) -> np.ndarray:
        return multi_hot(self.dev["tasks"], self.labels)

    @cached_property
    def train_truth(self) -> np.ndarray:
        return multi_hot(self.train["tasks"], self.labels)


def matching_scores(papers: pd.DataFrame, labels: list[str]) -> np.ndarray:
    """How often title and abstract name each task, a mention in the title counting five: (papers, labels).

    A task that is not named scores minus infinity: the matcher does not rank what it has not seen.
    """
    labeller = Labeller([vocabulary.task(name) for name in labels])
    scores = np.full((len(papers), len(labels)), -np.inf, dtype=np.float32)
    rows = zip(papers["title"], papers["abstract"], strict=True)
    for row, parts in enumerate(tqdm(rows, total=len(papers), desc="matching", unit="paper", delay=1, disable=None)):
        for text, weight in zip(parts, (5, 1), strict=True):
            for mention in labeller.mentions(text):
                places = list(mention.tasks)
                scores[row, places] = np.maximum(scores[row, places], 0) + weight
    return scores


class LinearSvm:
    """TF-IDF of words and word pairs, one linear SVM per task (scikit-learn's, with its defaults)."""

    def __init__(self, jobs: int = 2) -> None:
        self._tfidf = TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True, dtype=np.float32)
        self._svm = OneVsRestClassifier(LinearSVC(), n_jobs=jobs)

    def __str__(self) -> str:
        """All settings: what its scores depend on besides the papers."""
        return f"{self._tfidf.get_params()} {self._svm.get_params()}"

    def fit(self, papers: Sequence[str], truth: np.ndarray) -> "LinearSvm":
        """papers: their texts; truth: (papers, labels), 0 and 1."""
        self._svm.fit(self._tfidf.fit_transform(papers), truth)
        return self

    def scores(self, papers: Sequence[str]) -> np.ndarray:
        """Signed distances from the separating planes, float32 (papers, labels)."""
        return self._svm.decision_function(self._tfidf.transform(papers)).astype(np.float32)


def string_matching(splits: Splits, _: ScoreCache) -> Predictions:
    """Every task that the text names. (Without its names a text is of no use to it.)"""
    scores = matching_scores(splits.papers, splits.labels)
    return Predictions(scores, (scores > 0).astype(np.int64))


def svm_one_threshold(splits: Splits, cache: ScoreCache) -> Predictions:
    """The linear SVM, at the one threshold of highest micro-F1."""
    found = _svm_scores(splits, cache)
    return _answers(found, metrics.best_threshold(splits.dev_truth, found["dev"]))


def svm_per_task(splits: Splits, cache: ScoreCache) -> Predictions:
    """The same linear SVM, at a threshold for each task."""
    found = _svm_scores(splits, cache)
    return _answers(found, per_task_thresholds(splits.dev_truth, found["dev"]))


def svm_names_cut(splits: Splits, cache: ScoreCache) -> Predictions:
    """The linear SVM fitted on texts without the names of their tasks, as most of ours are: its best chance with what
    a text does not name. At the one threshold of highest micro-F1."""
    found = _svm_scores(splits, cache, names_cut=True)
    return _answers(found, metrics.best_threshold(splits.dev_truth, found["dev"]))


def annif_omikuji(splits: Splits, cache: ScoreCache) -> Predictions | None:
    """Annif, at the limit and threshold that its `optimize` finds.

    None, and a line on it, where it is neither installed nor has left its scores in the cache.
    """

    def compute() -> Arrays:
        if not annif.PROGRAM.is_file():
            raise annif.NotInstalled(annif.HOW_TO_GET)
        with annif.Annif(splits.labels) as project:
            project.train(texts(splits.train), splits.train_truth)
            best = np.array(project.optimize(texts(splits.dev), splits.dev_truth))
            return {
                "published": project.scores(texts(splits.papers)),
                "masked": project.scores([*splits.papers["masked"]]),
                "limit_and_threshold": best,
            }

    try:
        found = cache.arrays("annif", annif.PROJECT, compute)
    except annif.NotInstalled as error:
        print(error, file=sys.stderr)
        return None
    limit, threshold = found["limit_and_threshold"]
    return Predictions(found["published"], annif.keep_best(found["published"], int(limit), threshold), found["masked"])


def zero_shot(splits: Splits, cache: ScoreCache) -> Predictions:
    """Similarity of text and task name, at the one threshold of highest micro-F1."""
    dev = splits.dev[:ZERO_SHOT_DEV]

    def compute() -> Arrays:
        # Only here is torch needed.
        from paper_tasks.evaluation.baselines.zero_shot import ZeroShot

        encoder = ZeroShot(ZERO_SHOT_BACKBONE, splits.labels)
        return {
            "dev": encoder.scores(texts(dev)),
            "published": encoder.scores(texts(splits.papers)),
            "masked": encoder.scores([*splits.papers["masked"]]),
        }

    found = cache.arrays("zero-shot", f"{ZERO_SHOT_BACKBONE} {ZERO_SHOT_DEV}", compute)
    return _answers(found, metrics.best_threshold(splits.dev_truth[:ZERO_SHOT_DEV], found["dev"]))


def original_recipe(splits: Splits, cache: ScoreCache) -> Predictions | None:
    """The original's recipe on the same papers, of which it reads the abstracts; at its one threshold, one half.

    None, and a line on it, where it is not trained.
    """
    weights = ORIGINAL / "model.safetensors"
    # Written last.
    if not (ORIGINAL / "training.json").is_file():
        print(f"The original's recipe is not measured: `make original` trains it into {ORIGINAL}.", file=sys.stderr)
        return None

    def compute() -> Arrays:
        # Only here are torch and fastai needed.
        from paper_tasks.evaluation.baselines.original import probabilities

        return {
            "published": probabilities(ORIGINAL, [*splits.papers["abstract"]]),
            "masked": probabilities(ORIGINAL, [*splits.papers["masked"]]),
        }

    found = cache.arrays("original", file_checksum(weights), compute)
    record = json.loads((ORIGINAL / "training.json").read_text(encoding="utf-8"))
    note = record["schedule"]
    if record.get("labels") != label_checksum(splits.train_truth):
        # Its test papers it may still not have seen: those of `prepare`'s HELD_OUT stay the same.
        note += ", on an earlier version of the labels"
    predicted = (found["published"] >= 0.5).astype(np.int64)
    return Predictions(found["published"], predicted, found["masked"], are_probabilities=True, note=note)


BASELINES: dict[str, Callable[[Splits, ScoreCache], Predictions | None]] = {
    "string matching": string_matching,
    "TF-IDF + linear SVM": svm_one_threshold,
    "TF-IDF + linear SVM, per-task thresholds": svm_per_task,
    "TF-IDF + linear SVM, names cut": svm_names_cut,
    "Annif (Omikuji)": annif_omikuji,
    "zero-shot MiniLM": zero_shot,
    "the original's recipe": original_recipe,
}


def _svm_scores(splits: Splits, cache: ScoreCache, names_cut: bool = False) -> Arrays:
    svm = LinearSvm()

    def compute() -> Arrays:
        svm.fit([*splits.train["masked"]] if names_cut else texts(splits.train), splits.train_truth)
        return {
            "dev": svm.scores(texts(splits.dev)),
            "published": svm.scores(texts(splits.papers)),
            "masked": svm.scores([*splits.papers["masked"]]),
        }

    return cache.arrays("svm-names-cut" if names_cut else "svm", str(svm), compute)


def _answers(found: Arrays, threshold: float | np.ndarray) -> Predictions:
    return Predictions(found["published"], (found["published"] >= threshold).astype(np.int64), found["masked"])
