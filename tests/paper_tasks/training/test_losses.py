import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from paper_tasks.training.finetune import SummedBCE

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [-3.0, 4.0, 0.0]])
TARGETS = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])


def test_summed_bce_is_bce_on_the_scale_of_a_paper():
    expected = binary_cross_entropy_with_logits(LOGITS, TARGETS) * LOGITS.shape[1]
    torch.testing.assert_close(SummedBCE()(LOGITS, TARGETS), expected)


def test_extreme_logits_keep_the_gradient_finite():
    logits = torch.tensor([[1e4, -1e4, 1e4]], requires_grad=True)
    SummedBCE()(logits, torch.tensor([[0.0, 1.0, 1.0]])).backward()
    assert torch.isfinite(logits.grad).all()


def test_fastai_can_turn_logits_into_names_or_none():
    loss = SummedBCE()
    decoded = loss.decodes(loss.activation(torch.tensor([[-3.0, 0.1, 5.0]])))
    assert decoded.tolist() == [[False, True, True]]
