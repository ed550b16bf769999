"""Losses for labels of which a paper has few."""

import torch
from torch import nn


class MultiLabelLoss(nn.Module):
    """What fastai asks of a loss to show predictions: logits to probabilities, and those to names or none."""

    activation = staticmethod(torch.sigmoid)

    def decodes(self, probabilities: torch.Tensor) -> torch.Tensor:
        """Boolean, of the shape of `probabilities`."""
        return probabilities > 0.5


class AsymmetricLoss(MultiLabelLoss):
    """Binary cross-entropy that lets easy negatives go (Ridnik et al., "Asymmetric Loss For Multi-Label
    Classification", 2021).

    The probability of a negative is lowered by `clip`, so that those below it cost nothing, and its loss is
    weighted with that probability to the power `gamma_negative`; likewise the positives with theirs.
    """

    def __init__(self, gamma_negative: float = 4.0, gamma_positive: float = 0.0, clip: float = 0.05) -> None:
        super().__init__()
        self.gamma_negative, self.gamma_positive, self.clip = gamma_negative, gamma_positive, clip

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """logits, targets: (batch, labels). Returns the mean over the batch of the sum over the labels."""
        positive = torch.sigmoid(logits.float())
        negative = (1 - positive + self.clip).clamp(max=1)
        log_likelihood = torch.where(targets > 0, positive.clamp(min=1e-8).log(), negative.clamp(min=1e-8).log())
        with torch.no_grad():
            weight = torch.where(
                targets > 0, (1 - positive) ** self.gamma_positive, (1 - negative) ** self.gamma_negative
            )
        return -(log_likelihood * weight).sum(dim=1).mean()


class SummedBCE(MultiLabelLoss):
    """Binary cross-entropy, summed over labels and averaged over papers: on the scale of AsymmetricLoss."""

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """logits, targets: (batch, labels)."""
        loss = nn.functional.binary_cross_entropy_with_logits(logits.float(), targets, reduction="none")
        return loss.sum(dim=1).mean()


LOSSES = {"asymmetric": AsymmetricLoss, "bce": SummedBCE}
