"""The head: from the states of a text's tokens, and from where it names which labels, to logits."""

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F


def mean_pooling(hidden: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    """The mean over all tokens but padding: (batch, sequence, hidden_size) to (batch, hidden_size)."""
    mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * mask).sum(dim=1) / mask.sum(dim=1)


class Names(NamedTuple):
    """How often each text names each label, in the whole text and in its title; both (batch, labels)."""

    counts: torch.Tensor
    in_title: torch.Tensor


class Levels(NamedTuple):
    """Logits that a paper works on each label (`main`), and that the label fits it at all; both (batch, labels)."""

    main: torch.Tensor
    fits: torch.Tensor


class Head(nn.Module):
    """Logits from the mean of a text's tokens, from the strongest of them, and from how often the text names a label.

    The mean suits a paper that circles around a task (as in Sentence-BERT; Reimers and Gurevych, 2019). One sentence
    among ten is lost in the mean, but not in a log-sum-exp, the smooth maximum (as in Pinheiro and Collobert, 2015).
    Being named is evidence, not proof: a name in the title, a name that comes again, and one beside few others weigh
    more.
    """

    prior: torch.Tensor
    scale: torch.Tensor
    shift: torch.Tensor
    unnamed: torch.Tensor
    fits_scale: torch.Tensor
    fits_shift: torch.Tensor

    def __init__(self, hidden_size: int, labels: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.whole = nn.Linear(hidden_size, labels)
        self.mention = nn.Linear(hidden_size, labels, bias=False)
        self.fits = nn.Linear(hidden_size, labels)
        nn.init.zeros_(self.fits.weight)
        nn.init.zeros_(self.fits.bias)
        self.gain = nn.Parameter(torch.ones(1))
        self.named = nn.Parameter(torch.zeros(labels))
        self.repeated = nn.Parameter(torch.zeros(labels))
        self.titled = nn.Parameter(torch.zeros(labels))
        self.crowded = nn.Parameter(torch.zeros(1))
        self.stretch = nn.Parameter(torch.ones(1))
        self.register_buffer("prior", torch.zeros(labels))
        self.register_buffer("scale", torch.ones(1))
        self.register_buffer("shift", torch.zeros(1))
        self.register_buffer("unnamed", torch.zeros(1))
        self.register_buffer("fits_scale", torch.ones(1))
        self.register_buffer("fits_shift", torch.zeros(1))

    def forward(self, hidden: torch.Tensor, attention_mask: torch.Tensor, names: Names) -> Levels:
        """Logits, from hidden (batch, sequence, hidden_size) and attention_mask (batch, sequence)."""
        pooled = self.dropout(mean_pooling(hidden, attention_mask))
        unscaled = self.prior + self.from_encoder(hidden, attention_mask, pooled) + self.from_names(names)
        fits = self.stretch * unscaled + self.fits(pooled)
        return Levels(self.calibrated(unscaled, names), self.fits_scale * fits + self.fits_shift)

    def without_encoder(self, names: Names, words: torch.Tensor | float) -> Levels:
        """Logits from the names and the words' scores (batch, labels) alone."""
        main = self.calibrated(self.prior + self.from_names(names), names) + words
        return Levels(main, self.fits_scale * main + self.fits_shift)

    def calibrated(self, unscaled: torch.Tensor, names: Names) -> torch.Tensor:
        """The logits of `main`, scaled and shifted; both (batch, labels).

        A text that names any label says so what it is about, and is likely about nothing else. To a text that names
        no label, `unnamed` is added.
        """
        names_none = names.counts.sum(dim=1, keepdim=True) == 0
        return self.scale * unscaled + self.shift + self.unnamed * names_none

    def from_names(self, names: Names) -> torch.Tensor:
        """The names' part of the logits, before `scale`: (batch, labels)."""
        is_named = names.counts.clamp(max=1)
        how_many = is_named.sum(dim=1, keepdim=True).clamp(min=1).log()
        return (
            self.named * is_named
            + self.repeated * names.counts.clamp(min=1).log()
            + self.titled * names.in_title.clamp(max=1)
            + self.crowded * how_many * is_named
        )

    def from_encoder(
        self, hidden: torch.Tensor, attention_mask: torch.Tensor, pooled: torch.Tensor | None = None
    ) -> torch.Tensor:
        """The encoder's part of the logits, (batch, labels): the mean and the smooth maximum.

        pooled: (batch, hidden_size), the mean of the states, if it is known.
        """
        pooled = self.dropout(mean_pooling(hidden, attention_mask)) if pooled is None else pooled
        padding = (attention_mask == 0).unsqueeze(-1)
        tokens = attention_mask.sum(dim=1, keepdim=True).to(hidden.dtype)
        scores = self.mention(hidden).float().masked_fill(padding, -1e4)
        # Step by step: onnxruntime's kernel of a log-sum-exp takes twice as long.
        highest = scores.detach().amax(dim=1, keepdim=True)
        mentions = (scores - highest).exp().sum(dim=1).log() + highest.squeeze(1) - tokens.log()
        logits: torch.Tensor = self.gain * (self.whole(pooled) + mentions)
        return logits

    @torch.no_grad()
    def weigh_names(self, factor: float) -> None:
        """Multiplies the names' part of the logits."""
        for weights in (self.named, self.repeated, self.titled, self.crowded):
            weights.mul_(factor)

    @torch.no_grad()
    def start(
        self,
        names: torch.Tensor,
        hidden: torch.Tensor,
        mask: torch.Tensor,
        frequencies: torch.Tensor,
        precisions: torch.Tensor,
    ) -> None:
        """Starts as a search: a label's weights are the embedding of its name.

        names: (labels, hidden_size). hidden, mask: states of some papers, from which the length of their embeddings
        and their mean similarity to each name are taken. frequencies: (labels,), the share of papers with each label.
        It becomes the label's probability for a paper that is as similar to the name as papers are on average.
        precisions: see `start_names`.
        """
        length = mean_pooling(hidden, mask).norm(dim=1).mean()
        # 8 was best of 4, 8 and 16: somewhat more than one logit for one deviation of the similarities.
        self.whole.weight.copy_(8 * F.normalize(names) / length)
        self.mention.weight.copy_(self.whole.weight / 2)
        self.whole.bias.zero_()
        self.whole.bias.copy_(-self.from_encoder(hidden, mask).mean(dim=0))
        self.prior.copy_(torch.logit(frequencies, eps=1e-4))
        self.start_names(precisions)

    @torch.no_grad()
    def start_names(self, precisions: torch.Tensor) -> None:
        """Starts the names' weights, beside `prior`.

        precisions: (labels,), each label's probability for a paper that names it.
        """
        self.named.copy_(torch.logit(precisions, eps=1e-3) - self.prior)
        for weights in (self.repeated, self.titled, self.crowded):
            weights.zero_()
