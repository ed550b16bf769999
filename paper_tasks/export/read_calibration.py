"""Calibration on labels made by reading: a model's logits become those of probabilities, at both levels."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression

from paper_tasks.data.prepared_folder import POSITIVES, pairs, read_split
from paper_tasks.data.targets import FITS, targets_of
from paper_tasks.export.calibration import Load, Thresholds
from paper_tasks.modeling import metrics
from paper_tasks.modeling.model import FastModel, PaperTaskModel
from paper_tasks.tagger.classifier import Probabilities, TaskClassifier

# The tasks of a paper that probabilities are fitted to: its likeliest. Thousands of plainly wrong ones would decide
# over the few that are ever shown.
LIKELIEST = 6
# Parts of the papers, each of which is scored at the threshold that is best for the others.
FOLDS = 5


class ReadPapers:
    """Papers labelled by readers, on which an export is calibrated, gets its thresholds and is scored.

    A few hundred papers are too few to halve: all are used for all three, but see `scores`.
    """

    def __init__(self, prepared_dir: Path, labels: list[str]) -> None:
        """Reads the development papers of `prepared_dir`, those of every split whose name ends so."""
        names = sorted(path.stem for path in prepared_dir.glob("*dev.csv") if POSITIVES not in path.stem)
        self.papers = pd.concat([read_split(prepared_dir, name) for name in names], ignore_index=True)
        self.labels = labels
        self._targets = merged_targets(self.papers, labels)

    def __len__(self) -> int:
        return len(self.papers)

    def calibrate(self, model: PaperTaskModel | FastModel, load: Load) -> None:
        """Makes the logits of both levels those of probabilities (Platt, 1999)."""
        tasks = metrics.CanonicalTasks(self.labels)
        main = tasks.merge(load(model).level_logits(pairs(self.papers, "calibrating"))[0])
        model.rescale(*platt(main, self._targets == 1, counted=self._targets != FITS))
        fits = tasks.merge(load(model).level_logits(pairs(self.papers, "calibrating the second level"))[1])
        scale, shift = platt(fits, self._targets != 0)
        with torch.no_grad():
            model.head.fits_scale.mul_(scale)
            model.head.fits_shift.mul_(scale).add_(shift)

    def thresholds(self, classifier: TaskClassifier) -> Thresholds:
        """The best thresholds of both levels."""
        probabilities = classifier.both_levels(pairs(self.papers, "choosing thresholds"))
        return best_thresholds(probabilities, self._targets, self.labels)

    def scores(self, classifier: TaskClassifier, _: Thresholds, name: str) -> dict[str, float]:
        """micro_f1, macro_f1, subset_accuracy and precision_at_1 of the first level; tasks that fit do not count.

        Each of `FOLDS` parts of the papers is scored at the threshold that is best for the others.
        """
        probabilities = classifier.both_levels(pairs(self.papers, f"scoring {name}"))
        targets, main = self._targets, metrics.CanonicalTasks(self.labels).merge(probabilities.main)
        truth, predicted = (targets == 1).astype(np.int64), np.zeros(targets.shape, dtype=np.int64)
        for fold in range(FOLDS):
            own = np.arange(len(targets)) % FOLDS == fold
            others = best_thresholds(Probabilities(probabilities.main[~own]), targets[~own], self.labels)
            predicted[own] = main[own] >= others.main
        predicted[targets == FITS] = 0
        has_task = truth.any(axis=1)
        return metrics.threshold_scores(truth, predicted) | {
            "precision_at_1": metrics.precision_at_1(truth[has_task], main[has_task])
        }


def merged_targets(papers: pd.DataFrame, labels: list[str]) -> np.ndarray:
    """`targets_of` read papers, with one column for all spellings of a task: (papers, tasks)."""
    targets = targets_of(papers, labels)
    tasks = metrics.CanonicalTasks(labels)
    return np.where(tasks.merge(targets == 1), 1.0, np.where(tasks.merge(targets == FITS), FITS, 0.0))


def platt(logits: np.ndarray, truth: np.ndarray, counted: np.ndarray | None = None) -> tuple[float, float]:
    """Scale and shift that make sigmoid(scale * logit + shift) a probability for the likeliest tasks of each paper.

    logits, truth: (papers, tasks). counted: which of the pairs count, all by default.
    """
    likeliest = np.argsort(-logits, axis=1)[:, :LIKELIEST]
    values, right = (np.take_along_axis(array, likeliest, axis=1).ravel() for array in (logits, truth))
    kept = np.ones(len(values), dtype=bool)
    if counted is not None:
        kept = np.take_along_axis(counted, likeliest, axis=1).ravel()
    fit = LogisticRegression(C=1e6).fit(values[kept, None], right[kept])
    return float(fit.coef_[0, 0]), float(fit.intercept_[0])


def best_thresholds(probabilities: Probabilities, targets: np.ndarray, labels: list[str]) -> Thresholds:
    """The thresholds of highest micro-F1: of the tasks a paper works on, and of all that fit it.

    probabilities: (papers, labels). targets: those of `merged_targets`.
    """
    tasks = metrics.CanonicalTasks(labels)
    # A task that fits is neither right nor wrong at the first level.
    main = np.where(targets == FITS, -np.inf, tasks.merge(probabilities.main))
    fits = tasks.merge(probabilities.main if probabilities.fits is None else probabilities.fits)
    return Thresholds(
        metrics.best_threshold((targets == 1).astype(np.int64), main),
        metrics.best_threshold((targets != 0).astype(np.int64), fits),
    )
