"""Calibration: how much names, words and encoder weigh in a model's logits, so that they are those of probabilities."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from paper_tasks.data.prepared_folder import multi_hot, pairs
from paper_tasks.modeling import metrics
from paper_tasks.modeling.backbones import read_tokenizer
from paper_tasks.modeling.model import FastModel, PaperTaskModel
from paper_tasks.modeling.name_matcher import TEXT_TOKENS, token_ids
from paper_tasks.modeling.ngram_svm import WordModel
from paper_tasks.tagger.classifier import TaskClassifier
from paper_tasks.tagger.text import format_paper, has_words


def calibrate(
    model: PaperTaskModel | FastModel,
    papers: pd.DataFrame,
    model_dir: Path,
    load: Callable[[PaperTaskModel | FastModel], TaskClassifier],
) -> None:
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
    logits, counts = classifier.logits(pairs(papers, "calibrating")), name_counts(model, papers, model_dir)
    masked_counts = name_counts(model, masked, model_dir)
    with torch.no_grad():
        from_names, masked_from_names = (model.head.from_names(found).numpy() for found in (counts, masked_counts))
    factor = relative_weight(from_names, logits - from_names, truth)
    logits += (factor - 1) * from_names
    masked_logits += (factor - 1) * masked_from_names
    model.head.weigh_names(factor)
    scale, shift = scale_and_shift(np.concatenate([logits, masked_logits]), np.concatenate([truth, masked_truth]))
    model.rescale(scale, shift)
    names_none = ~masked_counts.any(dim=1).numpy()
    if masked_truth[names_none].any():
        model.head.unnamed.fill_(intercept(scale * masked_logits[names_none] + shift, masked_truth[names_none]))


def best_threshold(classifier: TaskClassifier, papers: pd.DataFrame) -> float:
    """The one threshold of highest micro-F1 on the papers and their masked half."""
    papers = pd.concat([papers, masked_papers(papers)])
    probabilities = classifier.probabilities(pairs(papers, "choosing a threshold"))
    return metrics.best_threshold(multi_hot(papers["tasks"], list(classifier.labels)), probabilities)


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


def name_counts(model: PaperTaskModel | FastModel, papers: pd.DataFrame, model_dir: Path) -> torch.Tensor:
    """How often each whole text names each label: (papers, labels)."""
    texts = [format_paper(*pair) for pair in pairs(papers, "weighing the names")]
    rows = token_ids(texts, read_tokenizer(model_dir))
    return torch.cat([model.name_counts(torch.tensor([ids[:TEXT_TOKENS]])) for ids in rows])


def _word_scores(words: WordModel, papers: pd.DataFrame, model_dir: Path) -> np.ndarray:
    """(papers, labels): what the words alone say of the abstracts."""
    texts = token_ids(papers["abstract"].tolist(), read_tokenizer(model_dir))
    return np.concatenate([words(torch.tensor([ids], dtype=torch.int64)).numpy() for ids in texts])
