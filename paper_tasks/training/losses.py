"""The loss, for labels of which a paper has few."""

import torch
from torch import nn


class SummedBCE(nn.Module):
    """Binary cross-entropy, summed over labels and averaged over papers; and what fastai asks of a loss to show
    predictions: logits to probabilities, and those to names or none."""

    activation = staticmethod(torch.sigmoid)

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """logits, targets: (batch, labels)."""
        loss = nn.functional.binary_cross_entropy_with_logits(logits.float(), targets, reduction="none")
        return loss.sum(dim=1).mean()

    def decodes(self, probabilities: torch.Tensor) -> torch.Tensor:
        """Boolean, of the shape of `probabilities`."""
        return probabilities > 0.5
