"""The fast tier learns from the full one: names and words alone, fitted to its probabilities on many papers.

A linear model needs far more papers than readers have labelled. The full model labels any number of them (distillation;
Hinton et al., 2015).
"""

from collections.abc import Sequence

import numpy as np
import torch
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from torch.nn import functional as F
from tqdm import tqdm
from transformers import PreTrainedTokenizerBase

from paper_tasks.modeling.model import FastModel, count_names
from paper_tasks.modeling.name_matcher import TEXT_TOKENS, token_ids
from paper_tasks.modeling.ngram_svm import FEATURES, LEAST_PAPERS, WordModel, tokens_and_pairs
from paper_tasks.tagger.classifier import TaskClassifier
from paper_tasks.tagger.text import format_paper

# Tokens and pairs in the first fit; the second keeps those that matter most.
CANDIDATES = 80_000
EPOCHS, BATCH, LEARNING_RATE, L2 = 6, 256, 0.05, 1e-7


def distil(
    fast: FastModel, teacher: TaskClassifier, papers: Sequence[tuple[str, str]], tokenizer: PreTrainedTokenizerBase
) -> None:
    """Fits names and words of `fast` to the teacher's probabilities that the papers work on each task.

    papers: pairs of title and abstract, each with a word.
    """
    progress = tqdm(papers, desc="asking the full model", unit="paper", delay=1, disable=None)
    probabilities = torch.from_numpy(teacher.probabilities(progress))
    texts = token_ids([format_paper(*paper) for paper in papers], tokenizer)
    texts = [ids[:TEXT_TOKENS] for ids in texts]
    counter = CountVectorizer(
        analyzer=tokens_and_pairs, min_df=min(LEAST_PAPERS, len(texts)), max_features=CANDIDATES, dtype=np.float32
    )
    counts = counter.fit_transform(texts)
    runs = counter.get_feature_names_out()
    names = _Names(fast, texts)
    fit = _Fit(counts, names, probabilities)
    if counts.shape[1] > FEATURES:
        kept = fit.most_useful(FEATURES)
        counts, runs = counts[:, kept], runs[kept]
        fit = _Fit(counts, names, probabilities)
    words = WordModel([tuple(map(int, run)) for run in runs], len(fast.labels))
    with torch.no_grad():
        words.idf.copy_(torch.from_numpy(fit.tfidf.idf_))
        words.bias.copy_(fit.bias)
        words.set_weights(fit.weights)
        fast.head.prior.zero_()
        fast.head.unnamed.zero_()
        fast.head.scale.fill_(1.0)
        fast.head.shift.zero_()
    fast.words = words


class _Names:
    """The names that texts have, kept as lists, since nearly all counts are 0."""

    def __init__(self, fast: FastModel, texts: Sequence[Sequence[int]]) -> None:
        self.head = fast.head
        self._found = [count_names(fast.name_counts, torch.tensor([ids]), fast.title_end) for ids in texts]
        self._found = [type(one)(*(part.to_sparse() for part in one)) for one in self._found]

    def logits(self, rows: np.ndarray) -> torch.Tensor:
        """The names' part of the logits of some texts: (rows, labels)."""
        names = [self._found[row] for row in rows]
        joined = (torch.cat(parts).to_dense() for parts in zip(*names, strict=True))
        return self.head.from_names(type(names[0])(*joined))


class _Fit:
    """A logistic regression on TF-IDF weights of words, together with the names' own weights."""

    def __init__(self, counts: sparse.csr_matrix, names: _Names, probabilities: torch.Tensor) -> None:
        """counts: (texts, features). probabilities: (texts, labels)."""
        self.tfidf = TfidfTransformer(sublinear_tf=True)
        inputs = self.tfidf.fit_transform(counts).astype(np.float32)
        self._share = np.asarray((counts > 0).mean(axis=0)).ravel()
        start = probabilities.mean(dim=0).clamp(1e-5, 1 - 1e-5)
        self.weights = torch.zeros(inputs.shape[1], probabilities.shape[1], requires_grad=True)
        self.bias = torch.logit(start).requires_grad_()
        of_names = [names.head.named, names.head.repeated, names.head.titled, names.head.crowded]
        optimizer = torch.optim.Adam([self.weights, self.bias, *of_names], lr=LEARNING_RATE)
        steps = EPOCHS * -(-len(probabilities) // BATCH)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
        order = np.random.default_rng(0)
        with tqdm(total=steps, desc="fitting the words", unit="step", delay=1, disable=None) as bar:
            for _ in range(EPOCHS):
                for rows in np.array_split(order.permutation(len(probabilities)), steps // EPOCHS):
                    part = inputs[rows].tocoo()
                    batch = torch.sparse_coo_tensor(
                        torch.from_numpy(np.stack(part.coords)),
                        torch.from_numpy(part.data),
                        part.shape,
                        check_invariants=True,
                    )
                    logits = torch.sparse.mm(batch, self.weights) + self.bias + names.logits(rows)
                    loss = F.binary_cross_entropy_with_logits(logits, probabilities[rows], reduction="sum") / len(rows)
                    (loss + L2 * len(probabilities) * self.weights.square().sum()).backward()
                    optimizer.step()
                    optimizer.zero_grad()
                    schedule.step()
                    bar.update()
        self.weights, self.bias = self.weights.detach(), self.bias.detach()

    def most_useful(self, features: int) -> np.ndarray:
        """The columns that change the scores of a typical paper most: by largest weight, rarity and share of papers."""
        moved = self.weights.abs().amax(dim=1).numpy() * self.tfidf.idf_ * np.sqrt(self._share)
        return np.sort(np.argsort(-moved)[:features])
