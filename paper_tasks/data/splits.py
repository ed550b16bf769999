"""Which papers are for training, development and test: drawn, or as the project's own figures had them."""

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from iterstrat.ml_stratifiers import MultilabelStratifiedShuffleSplit

from paper_tasks.data.fingerprints import known_held_out
from paper_tasks.data.options import PrepareOptions
from paper_tasks.data.prepared_folder import SPLITS


def draw_split(truth: np.ndarray, has_keywords: np.ndarray, options: PrepareOptions) -> np.ndarray:
    """A stratified split (Sechidis et al., 2011), drawn apart for papers with and without keyword labels.

    truth: (papers, tasks), 0 or 1. has_keywords: boolean, (papers,). Returns (papers,) of indexes into SPLITS.
    """
    split = np.zeros(len(truth), dtype=np.int64)
    for group, test_share in (
        (~has_keywords, options.test_share),
        (has_keywords, options.keyword_test_share),
    ):
        held_out_share = test_share + options.dev_share
        held_out = _draw(truth, np.flatnonzero(group), held_out_share, options.seed)
        split[held_out] = SPLITS.index("dev")
        split[_draw(truth, held_out, test_share / held_out_share, options.seed)] = SPLITS.index("test")
    return split


def known_split(fingerprints: Iterable[str], options: PrepareOptions) -> np.ndarray | None:
    """The split that holds out the papers of `HELD_OUT` again, and no others.

    Returns (papers,) of indexes into SPLITS. Returns None if half of those papers or more are missing, or if the
    options ask for another split.
    """
    if replace(options, min_papers=PrepareOptions.min_papers) != PrepareOptions():
        return None
    held_out = known_held_out()
    split = np.array([held_out.get(fingerprint, 0) for fingerprint in fingerprints], dtype=np.int64)
    return split if np.count_nonzero(split) > len(held_out) / 2 else None


def _draw(truth: np.ndarray, rows: np.ndarray, share: float, seed: int) -> np.ndarray:
    """A share of the given rows, drawn so that each task has its share of them."""
    if len(rows) * share < 1:
        return rows[:0]
    # The splitter needs a row on each side.
    if math.ceil(len(rows) * share) >= len(rows):
        return rows
    splitter = MultilabelStratifiedShuffleSplit(n_splits=1, test_size=share, random_state=seed)
    _, drawn = next(splitter.split(rows, truth[rows]))
    drawn_rows: np.ndarray = rows[drawn]
    return drawn_rows
