import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from paper_tasks.data.prepared_folder import POSITIVES, READ
from paper_tasks.training.distillation import FITS, POSITIVE, UNKNOWN
from paper_tasks.training.losses import FITS_LEVEL, LevelsBCE, targets_of

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [-3.0, 4.0, 0.0]])
TARGETS = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
# SSIM is no task, and the last two are one task.
LABELS = ["Image Captioning", "SSIM", "Object Detection", "object-detection"]


def papers(*rows):
    return pd.DataFrame(rows, columns=["tasks", "ok", "labels"])


def test_a_read_label_is_complete():
    targets = targets_of(papers((["Object Detection"], ["Image Captioning"], READ), ([], [], READ)), LABELS)
    assert targets.dtype == np.float32
    np.testing.assert_array_equal(targets, [[FITS, UNKNOWN, 1, 1], [0, UNKNOWN, 0, 0]])


def test_of_positives_nothing_else_is_known():
    targets = targets_of(papers((["Object Detection"], [], POSITIVES)), LABELS)
    np.testing.assert_array_equal(targets, [[UNKNOWN, UNKNOWN, POSITIVE, POSITIVE]])


def test_a_task_that_is_main_and_ok_is_main():
    assert targets_of(papers((["Image Captioning"], ["Image Captioning"], READ)), LABELS)[0, 0] == 1


def test_a_task_outside_the_vocabulary_has_a_column_of_its_own():
    targets = targets_of(papers((["Weaving"], ["Knitting"], READ)), ["Knitting", "Sewing", "Weaving"])
    np.testing.assert_array_equal(targets, [[FITS, 0, 1]])


def test_distant_labels_are_zeros_and_ones_for_each_spelling_by_itself():
    targets = targets_of(pd.DataFrame({"tasks": [["Object Detection", "SSIM"]]}), LABELS)
    np.testing.assert_array_equal(targets, [[0, 1, 1, 0]])


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
