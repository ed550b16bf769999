"""The loss of a training on labels of three kinds: read, positives alone, and distant."""

import torch
from fastai.callback.core import Callback
from torch import nn
from torch.nn import functional as F

from paper_tasks.data.targets import FITS, POSITIVE

# How much a label weighs against one that is known. A task that fits is no error, so it hardly counts against `main`.
FITS_WEIGHT = 0.2
# A positive is right at one of the two levels, and some lists have errors.
POSITIVE_WEIGHT = 0.4
# Most labels that nobody named are wrong.
UNKNOWN_WEIGHT = 0.03
# How much the second level weighs against the first.
FITS_LEVEL = 0.3


class LevelsBCE(nn.Module):
    """Binary cross-entropy, summed over labels and averaged over papers, since a paper has few of the labels.

    It reads the targets of `targets_of`, and any probability from 0 to 1. In training it adds the second level: whether
    a label fits the paper at all.

    fastai asks a loss for two steps to show predictions: from logits to probabilities, and from those to labels.
    """

    activation = staticmethod(torch.sigmoid)

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """logits: (batch, labels), or (2, batch, labels) for both levels. targets: (batch, labels)."""
        fits, positive, unknown = targets == FITS, targets == POSITIVE, targets.isnan()
        weights = torch.ones_like(targets).masked_fill(positive, POSITIVE_WEIGHT).masked_fill(unknown, UNKNOWN_WEIGHT)
        known = targets.masked_fill(unknown, 0.0).clamp(0, 1)
        if logits.dim() == 2:
            return _weighted(logits, known, weights.masked_fill(fits, FITS_WEIGHT))
        main = _weighted(logits[0], known, weights.masked_fill(fits, FITS_WEIGHT))
        return main + FITS_LEVEL * _weighted(logits[1], known.masked_fill(fits, 1.0), weights)

    def decodes(self, probabilities: torch.Tensor) -> torch.Tensor:
        """Boolean, of the shape of `probabilities`."""
        return probabilities > 0.5


class LevelsCallback(Callback):
    """Gives the loss the logits of both levels in training; blurr passes on those of `main`."""

    # After blurr's, which takes the logits out of the model's output.
    order = 10

    def after_pred(self) -> None:
        if self.training:
            self.learn.pred = torch.stack([self.pred, self.learn.blurr_model_outputs["fits"]])


def _weighted(logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    loss = F.binary_cross_entropy_with_logits(logits.float(), targets, weights, reduction="none")
    return loss.sum(dim=1).mean()
