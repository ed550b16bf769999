"""Calibration: how much names, words and encoder weigh in a model's logits, so that they are those of probabilities."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from paper_tasks.data.prepared_folder import multi_hot, pairs, read_split
from paper_tasks.errors import InputError
from paper_tasks.modeling import metrics
from paper_tasks.modeling.backbones import read_tokenizer
from paper_tasks.modeling.head import Names
from paper_tasks.modeling.model import FastModel, PaperTaskModel, count_names
from paper_tasks.modeling.name_matcher import TEXT_TOKENS, token_ids
from paper_tasks.modeling.ngram_svm import WordModel
from paper_tasks.tagger.classifier import TaskClassifier
from paper_tasks.tagger.text import format_paper, has_words

# The model as it is now, as a classifier in fp32.
Load = Callable[[PaperTaskModel | FastModel], TaskClassifier]
# At most so many papers of each half of the development split; their labels are more than enough for three numbers.
MOST_PAPERS = 2000


class Thresholds(NamedTuple):
    """The probabilities from which a task is shown: at the first level, and at the second if the model has one."""

    main: float
    fits: float | None = None


class DistantPapers:
    """Papers with distant labels: one half calibrates and gives thresholds, the other is scored."""

    def __init__(self, prepared_dir: Path, model_dir: Path, labels: list[str]) -> None:
        """model_dir: where `train` wrote the model. Raises InputError for too few development papers."""
        dev = read_split(prepared_dir, "dev")
        half = min(len(dev) // 2, MOST_PAPERS)
        if half < 2:
            raise InputError(
                f"{prepared_dir} has {len(dev)} development papers, too few to calibrate on; prepare more."
            )
        self._fitted, self._held_out = dev[:half], dev[half : 2 * half]
        self._model_dir, self._labels = model_dir, labels

    def __len__(self) -> int:
        return len(self._held_out)

    def calibrate(self, model: PaperTaskModel | FastModel, load: Load) -> None:
        """Weighs words and names against the rest of a model, and makes its logits those of probabilities."""
        calibrate(model, self._fitted, self._model_dir, load)

    def thresholds(self, classifier: TaskClassifier) -> Thresholds:
        """The one threshold of highest micro-F1 on the papers and their masked half."""
        papers = pd.concat([self._fitted, masked_papers(self._fitted)])
        probabilities = classifier.probabilities(pairs(papers, "choosing a threshold"))
        return Thresholds(metrics.best_threshold(multi_hot(papers["tasks"], self._labels), probabilities))

    def scores(self, classifier: TaskClassifier, thresholds: Thresholds, name: str) -> dict[str, float]:
        """micro_f1, macro_f1, subset_accuracy and precision_at_1."""
        truth = multi_hot(self._held_out["tasks"], self._labels)
        probabilities = classifier.probabilities(pairs(self._held_out, f"scoring {name}"))
        scores = metrics.threshold_scores(truth, (probabilities >= thresholds.main).astype(np.int64))
        return scores | {"precision_at_1": metrics.precision_at_1(truth, probabilities)}


def calibrate(model: PaperTaskModel | FastModel, papers: pd.DataFrame, model_dir: Path, load: Load) -> None:
    """Weighs words and names against the rest of a model, and makes its logits those of probabilities.

    papers: development papers to fit to. model_dir: where `train` wrote the model. load: the model as it is now, as a
    classifier in fp32.
    """
    masked = masked_papers(papers)
    truth = multi_hot(papers["tasks"], model.labels)
    masked_truth = multi_hot(masked["tasks"], model.labels)
    words, model.words = model.words, None
    classifier = load(model)
    masked_logits = classifier.logits(pairs(masked, "weighing the words"))
    if words is not None:
        scores = _word_scores(words, masked, model_dir)
        words.share.fill_(relative_weight(scores, masked_logits, masked_truth))
        masked_logits += float(words.share) * scores
        model.words = words
        classifier = load(model)
    # The names' weights were learned on texts that most names were cut from; in use they weigh more.
    logits, names = classifier.logits(pairs(papers, "calibrating")), named(model, papers, model_dir)
    masked_names = named(model, masked, model_dir)
    with torch.no_grad():
        from_names, masked_from_names = (model.head.from_names(found).numpy() for found in (names, masked_names))
    factor = relative_weight(from_names, logits - from_names, truth)
    logits += (factor - 1) * from_names
    masked_logits += (factor - 1) * masked_from_names
    model.head.weigh_names(factor)
    scale, shift = scale_and_shift(np.concatenate([logits, masked_logits]), np.concatenate([truth, masked_truth]))
    model.rescale(scale, shift)
    names_none = ~masked_names.counts.any(dim=1).numpy()
    if masked_truth[names_none].any():
        model.head.unnamed.fill_(intercept(scale * masked_logits[names_none] + shift, masked_truth[names_none]))


def scale_and_shift(logits: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Scale and shift that make sigmoid(scale * logit + shift) a probability (Platt, 1999), over all labels.

    logits, truth: (papers, labels).
    """
    rows = np.random.default_rng(0).permutation(logits.size)[:1_000_000]
    fit = LogisticRegression(C=1e6).fit(logits.reshape(-1, 1)[rows], truth.ravel()[rows])
    return float(fit.coef_[0, 0]), float(fit.intercept_[0])


def intercept(logits: np.ndarray, truth: np.ndarray) -> float:
    """The likeliest intercept: added to all logits, it makes probabilities sum to the labels.

    logits, truth: (papers, labels).
    """
    return float(brentq(lambda shift: expit(logits + shift).sum() - truth.sum(), -20.0, 20.0))


def relative_weight(scores: np.ndarray, logits: np.ndarray, truth: np.ndarray) -> float:
    """The logits that a unit of the scores adds: the ratio of their weights in a logistic regression on both.

    All arrays: (papers, labels). For the words' scores, give texts that do not name their labels: elsewhere the names
    alone explain nearly everything.
    """
    inputs = np.stack([scores.ravel(), logits.ravel()], axis=1)
    of_scores, of_logits = LogisticRegression(C=1e6).fit(inputs, truth.ravel()).coef_[0]
    return float(max(of_scores, 0) / max(of_logits, 1e-6))


def masked_papers(papers: pd.DataFrame) -> pd.DataFrame:
    """The first half of the papers, without the words that name their tasks.

    Calibrated on whole texts alone, a model would learn that a task that is not named is never right. So one text in
    three, of those that probabilities and thresholds are fitted to, names none of its tasks. In authors' keywords
    somewhat fewer tasks are named in neither title nor abstract (results/evaluation.json), but authors omit many.
    """
    masked = papers.head(len(papers) // 2).assign(title="", abstract=papers["masked"])
    # A paper may consist of names alone.
    return masked[masked["abstract"].map(has_words)]


def named(model: PaperTaskModel | FastModel, papers: pd.DataFrame, model_dir: Path) -> Names:
    """How often each text names each label, in all of it and in its title."""
    texts = [format_paper(*pair) for pair in pairs(papers, "weighing the names")]
    rows = token_ids(texts, read_tokenizer(model_dir))
    found = [count_names(model.name_counts, torch.tensor([ids[:TEXT_TOKENS]]), model.title_end) for ids in rows]
    return Names(*map(torch.cat, zip(*found, strict=True)))


def _word_scores(words: WordModel, papers: pd.DataFrame, model_dir: Path) -> np.ndarray:
    """(papers, labels): what the words alone say of the abstracts."""
    texts = token_ids(papers["abstract"].tolist(), read_tokenizer(model_dir))
    return np.concatenate([words(torch.tensor([ids], dtype=torch.int64)).numpy() for ids in texts])
