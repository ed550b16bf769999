import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from paper_tasks.data.targets import FITS, POSITIVE, UNKNOWN
from paper_tasks.training.losses import FITS_LEVEL, LevelsBCE

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [-3.0, 4.0, 0.0]])
TARGETS = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])


def test_the_loss_is_bce_on_the_scale_of_a_paper():
    expected = binary_cross_entropy_with_logits(LOGITS, TARGETS) * LOGITS.shape[1]
    torch.testing.assert_close(LevelsBCE()(LOGITS, TARGETS), expected)


def test_a_label_that_fits_weighs_less_and_one_that_is_unknown_hardly_at_all():
    def pull(target):
        logits = torch.zeros(1, 1, requires_grad=True)
        LevelsBCE()(logits, torch.tensor([[target]])).backward()
        return logits.grad.item()

    assert pull(0.0) > pull(FITS) > pull(UNKNOWN) > 0 > pull(POSITIVE) > pull(1.0)


def test_to_the_second_level_a_label_that_fits_is_right():
    logits = torch.zeros(2, 1, 2, requires_grad=True)
    LevelsBCE()(logits, torch.tensor([[FITS, 0.0]])).backward()
    main, fits = logits.grad[:, 0]
    assert main[0] > 0 > fits[0] and fits[1] > 0
    assert fits[1].item() == pytest.approx(FITS_LEVEL * main[1].item())


def test_extreme_logits_keep_the_gradient_finite():
    logits = torch.tensor([[[1e4, -1e4, 1e4, -1e4]], [[-1e4, 1e4, 1e4, -1e4]]], requires_grad=True)
    LevelsBCE()(logits, torch.tensor([[0.0, 1.0, UNKNOWN, POSITIVE]])).backward()
    assert torch.isfinite(logits.grad).all()


def test_fastai_can_turn_logits_into_names_or_none():
    loss = LevelsBCE()
    decoded = loss.decodes(loss.activation(torch.tensor([[-3.0, 0.1, 5.0]])))
    assert decoded.tolist() == [[False, True, True]]
