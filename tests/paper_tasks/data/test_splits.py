import numpy as np
import pytest

from paper_tasks.data.options import PrepareOptions
from paper_tasks.data.splits import draw_split


def test_split_with_nothing_of_one_kind():
    labels = np.eye(4, dtype=int).repeat(50, axis=0)
    where = draw_split(labels, np.zeros(200, dtype=bool), PrepareOptions())
    assert np.bincount(where).tolist() == [160, 20, 20]


@pytest.mark.parametrize("keyworded", range(1, 13))
def test_split_with_few_of_one_kind(keyworded):
    labels = np.eye(4, dtype=int).repeat(50, axis=0)
    where = draw_split(labels, np.arange(200) < keyworded, PrepareOptions())
    assert np.bincount(where, minlength=3).min() > 15
