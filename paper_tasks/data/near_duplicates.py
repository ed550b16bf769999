"""Papers that are nearly the same: a preprint and its published version, a paper and its extended abstract."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

WORD = re.compile(r"\w+")


def near_duplicates(texts: Sequence[str], others: Iterable[str], words: int = 5, share: float = 0.5) -> np.ndarray:
    """Boolean (texts,): whether one of the others has at least `share` of a text's runs of `words` words.

    This is the containment of shingles (Broder, 1997). A text of fewer words is compared as a whole.
    """
    runs = [_runs(text, words) for text in texts]
    where = defaultdict(list)
    for row, found in enumerate(runs):
        for run in found:
            where[run].append(row)
    near = np.zeros(len(texts), dtype=bool)
    for other in others:
        common = Counter(row for run in _runs(other, words) & where.keys() for row in where[run])
        for row, number in common.items():
            near[row] |= number >= share * len(runs[row])
    return near


def _runs(text: str, words: int) -> set[int]:
    """A hash of each run of words; Python's own, which is the same within one process."""
    found = WORD.findall(text.casefold())
    return {hash(tuple(found[start : start + words])) for start in range(max(1, len(found) - words + 1))}
