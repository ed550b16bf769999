import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from paper_tasks.losses import AsymmetricLoss, SummedBCE

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [-3.0, 4.0, 0.0]])
TARGETS = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])


def test_summed_bce_is_bce_on_the_scale_of_a_paper():
    expected = binary_cross_entropy_with_logits(LOGITS, TARGETS) * LOGITS.shape[1]
    torch.testing.assert_close(SummedBCE()(LOGITS, TARGETS), expected)


def test_asymmetric_loss_without_asymmetry_is_bce():
    loss = AsymmetricLoss(gamma_negative=0, gamma_positive=0, clip=0)
    torch.testing.assert_close(loss(LOGITS, TARGETS), SummedBCE()(LOGITS, TARGETS))


def test_asymmetric_loss_lets_easy_negatives_go():
    easy, hard = torch.tensor([[-4.0]]), torch.tensor([[2.0]])
    negative = torch.zeros(1, 1)
    assert AsymmetricLoss()(easy, negative).item() == pytest.approx(0, abs=1e-6)
    assert AsymmetricLoss()(hard, negative).item() > 0.5


@pytest.mark.parametrize("loss", [AsymmetricLoss(), SummedBCE()])
def test_extreme_logits_keep_the_gradient_finite(loss):
    logits = torch.tensor([[1e4, -1e4, 1e4]], requires_grad=True)
    loss(logits, torch.tensor([[0.0, 1.0, 1.0]])).backward()
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("loss", [AsymmetricLoss(), SummedBCE()])
def test_fastai_can_turn_logits_into_names_or_none(loss):
    decoded = loss.decodes(loss.activation(torch.tensor([[-3.0, 0.1, 5.0]])))
    assert decoded.tolist() == [[False, True, True]]
