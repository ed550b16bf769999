"""Words: a linear model on single tokens and pairs of them.

It makes other errors than an encoder, so the two together are better than either. In the same ONNX file it costs next
to nothing.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from joblib import Parallel, delayed
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.svm import LinearSVC
from torch import nn
from tqdm import tqdm
from transformers import PreTrainedTokenizerBase

from paper_tasks.modeling.name_matcher import RunTable, count_runs, token_ids

# Tokens and pairs that are kept. In the exported model each takes one byte for every label.
FEATURES = 20_000
LEAST_PAPERS = 8


class WordModel(nn.Module):
    """One linear support vector machine for each label, on TF-IDF weights of tokens and pairs.

    Its output is added to the logits: `share` times the signed distance from the label's plane. A text has few of the
    features, so only a hundredth of the weights are read: the rows of these features.

    features: runs of one or two token ids.
    """

    idf: torch.Tensor
    scale: torch.Tensor
    bias: torch.Tensor
    share: torch.Tensor

    def __init__(self, features: Sequence[tuple[int, ...]], labels: int) -> None:
        super().__init__()
        self.features = list(features)
        self._table = RunTable({feature: index for index, feature in enumerate(self.features)})
        self.register_buffer("idf", torch.ones(len(self.features)))
        # At most 1 in every column, which `scale` undoes, so that in int8 one scale suits all columns.
        self.weights = nn.Embedding(len(self.features), labels, _weight=torch.zeros(len(self.features), labels))
        self.weights.weight.requires_grad_(False)
        self.register_buffer("scale", torch.ones(labels))
        self.register_buffer("bias", torch.zeros(labels))
        self.register_buffer("share", torch.ones(1))

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        """input_ids: (batch, sequence), padded or not. Returns (batch, labels)."""
        counts = count_runs(input_ids, self._table)
        texts, features = counts.nonzero(as_tuple=True)
        tf_idf = (counts[texts, features].log() + 1) * self.idf[features]
        # (batch, features found), 0 where only another text has the feature.
        tf_idf = tf_idf * (texts == torch.arange(counts.shape[0], device=counts.device).unsqueeze(1))
        length = (tf_idf * tf_idf).sum(dim=1, keepdim=True).clamp(min=1e-9).sqrt()
        weights: torch.Tensor = self.weights(features)
        return self.share * ((tf_idf / length) @ weights * self.scale + self.bias)

    @torch.no_grad()
    def set_weights(self, weight: torch.Tensor) -> None:
        """weight: (features, labels)."""
        largest = weight.abs().amax(dim=0)
        self.scale.copy_(torch.where(largest > 0, largest, 1.0))
        self.weights.weight.copy_(weight / self.scale)


def fit_words(
    texts: Sequence[str], truth: np.ndarray, tokenizer: PreTrainedTokenizerBase, features: int = FEATURES
) -> WordModel:
    """Fits the model to texts that do not name their labels, since `name_matcher` finds the names.

    truth: (papers, labels), 0 and 1. A label that no paper has, or that every paper has, gets no weights.
    """
    counter = CountVectorizer(analyzer=tokens_and_pairs, min_df=min(LEAST_PAPERS, len(texts)), dtype=np.float32)
    counts = counter.fit_transform(token_ids(texts, tokenizer))
    runs = counter.get_feature_names_out()
    if counts.shape[1] > features:
        tfidf = TfidfTransformer(sublinear_tf=True)
        weight, _ = _fit(tfidf.fit_transform(counts), truth)
        # How much a feature changes the scores of a typical paper, from its largest weight and its share of the papers.
        share = np.asarray((counts > 0).mean(axis=0)).ravel()
        moved = np.abs(weight).max(axis=1) * tfidf.idf_ * np.sqrt(share)
        kept = np.sort(np.argsort(-moved)[:features])
        counts, runs = counts[:, kept], runs[kept]
    tfidf = TfidfTransformer(sublinear_tf=True)
    weight, bias = _fit(tfidf.fit_transform(counts), truth)
    model = WordModel([tuple(map(int, run)) for run in runs], truth.shape[1])
    model.idf, model.bias = _tensor(tfidf.idf_), _tensor(bias)
    model.set_weights(_tensor(weight))
    return model


def tokens_and_pairs(ids: Sequence[int]) -> list[tuple[int, ...]]:
    """Every token of a text, and every two that follow each other."""
    return [(token,) for token in ids] + list(pairwise(ids))


def _fit(inputs: sparse.csr_matrix, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (features, labels) and biases (labels,)."""

    def fit_label(targets: np.ndarray) -> tuple[np.ndarray, float]:
        if targets.min() == targets.max():
            return np.zeros(inputs.shape[1], dtype=np.float32), 2.0 * targets.max() - 1
        svm = LinearSVC(random_state=0).fit(inputs, targets)
        return svm.coef_[0].astype(np.float32), svm.intercept_[0]

    columns = tqdm(truth.T, desc="fitting the words", unit="label", delay=1, disable=None)
    # Processes, since liblinear's threads share one random generator. With few papers they take longer to start than
    # the fit.
    fitted = Parallel(n_jobs=-1 if len(truth) > 2000 else 1)(delayed(fit_label)(targets) for targets in columns)
    return np.stack([weight for weight, _ in fitted], axis=1), np.array([bias for _, bias in fitted])


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32)
