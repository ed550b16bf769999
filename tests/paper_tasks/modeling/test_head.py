import numpy as np
import pytest
import torch

from paper_tasks.modeling.head import Head, mean_pooling


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
