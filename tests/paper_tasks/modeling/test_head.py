import numpy as np
import pytest
import torch

from paper_tasks.modeling.head import Head, Names, mean_pooling


def test_mean_pooling_leaves_padding_out():
    hidden = torch.tensor([[[1.0], [3.0], [100.0]]])
    assert mean_pooling(hidden, torch.tensor([[1, 1, 0]])).item() == 2


def test_one_token_moves_the_logit_of_a_long_text():
    head = Head(2, 1, dropout=0.0).eval()
    with torch.no_grad():
        head.whole.weight.zero_()
        head.whole.bias.zero_()
        head.mention.weight.copy_(torch.tensor([[20.0, 0.0]]))
        quiet = torch.zeros(1, 200, 2)
        loud = quiet.clone()
        loud[0, 150, 0] = 1.0
        mask = torch.ones(1, 200, dtype=torch.int64)
        assert head.from_encoder(quiet, mask).item() == pytest.approx(0, abs=1e-4)
        assert head.from_encoder(loud, mask).item() == pytest.approx(20 - np.log(200), abs=0.01)


def logits_of_names(counts, in_title, **weights):
    """The names' part of the logits, of a head whose other weights for names are zero."""
    head = Head(2, 2, dropout=0.0)
    with torch.no_grad():
        for name, value in weights.items():
            getattr(head, name).fill_(value)
        return head.from_names(Names(torch.tensor([counts]), torch.tensor([in_title])))[0]


def test_a_name_counts_once_however_often_it_comes():
    assert logits_of_names([1.0, 0.0], [0.0, 0.0], named=3.0).tolist() == [3, 0]
    assert logits_of_names([5.0, 0.0], [0.0, 0.0], named=3.0).tolist() == [3, 0]


def test_a_name_that_comes_again_weighs_more_by_the_logarithm():
    repeated = logits_of_names([4.0, 1.0], [0.0, 0.0], repeated=2.0)
    assert repeated.tolist() == pytest.approx([2 * np.log(4), 0])


def test_a_name_in_the_title_has_a_weight_of_its_own():
    assert logits_of_names([2.0, 2.0], [2.0, 0.0], titled=1.5).tolist() == [1.5, 0]


def test_a_name_beside_many_others_weighs_less():
    assert logits_of_names([3.0, 0.0], [0.0, 0.0], crowded=-1.0).tolist() == [0, 0]
    assert logits_of_names([3.0, 1.0], [0.0, 0.0], crowded=-1.0).tolist() == pytest.approx([-np.log(2)] * 2)


def test_both_levels_start_alike_and_learn_apart():
    torch.manual_seed(0)
    head = Head(4, 3, dropout=0.0).eval()
    hidden, mask = torch.randn(2, 5, 4), torch.ones(2, 5, dtype=torch.int64)
    names = Names(torch.tensor([[1.0, 0, 0], [0, 0, 0]]), torch.zeros(2, 3))
    with torch.no_grad():
        levels = head(hidden, mask, names)
        torch.testing.assert_close(levels.fits, levels.main)
        head.fits.bias.fill_(1.0)
        head.scale.fill_(2.0)
        again = head(hidden, mask, names)
    torch.testing.assert_close(again.fits, levels.fits + 1)
    torch.testing.assert_close(again.main, 2 * levels.main)


def test_without_the_encoder_the_second_level_follows_the_first():
    head = Head(4, 2, dropout=0.0)
    with torch.no_grad():
        head.named.fill_(2.0)
        head.fits_scale.fill_(0.5)
        head.fits_shift.fill_(1.0)
        levels = head.without_encoder(Names(torch.tensor([[1.0, 0.0]]), torch.zeros(1, 2)), torch.tensor([[0.0, 4.0]]))
    assert levels.main.tolist() == [[2, 4]] and levels.fits.tolist() == [[2, 3]]


def test_weighing_names_moves_every_part_of_them():
    head = Head(2, 1, dropout=0.0)
    with torch.no_grad():
        for weights in (head.named, head.repeated, head.titled, head.crowded):
            weights.fill_(1.0)
        names = Names(torch.tensor([[2.0]]), torch.tensor([[1.0]]))
        before = head.from_names(names)
        head.weigh_names(0.5)
        torch.testing.assert_close(head.from_names(names), before / 2)
