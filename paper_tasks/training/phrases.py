"""Phrases that recur in papers, and texts that lose some of them, which an encoder has to guess.

Whoever guesses the words that a text lost knows what the text is about. Texts need no labels for that.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, compress

import numpy as np
from joblib import Parallel, delayed
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS
from tqdm import tqdm

from paper_tasks.data.distant_labels import is_subject, normalize_word, split_words
from paper_tasks.errors import InputError

# Most words of a phrase.
LONGEST = 3
# A phrase that few texts have teaches little; one that many have is specific to none ("experimental results").
LEAST_PAPERS, MOST_SHARE = 10, 0.02
# Texts repeat what they are about: a phrase stands so often, on average, in the texts that have it (Church and Gale,
# 1995).
BURSTS = 1.25
# A keyword weighs as much as a phrase of so many more words.
KEYWORD_WEIGHT = 4.0
# An odd number of 64 bits: sums of word hashes, each times a power of it, are hashes of phrases.
FACTOR = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, eq=False)
class Cut:
    """A text that has lost some of its phrases.

    lost, had: indices in `Phrases.texts`, of the phrases that it lost and of all that it had.
    """

    text: str
    lost: np.ndarray
    had: np.ndarray


class Phrases:
    """The phrases of some papers: runs of one to three words that recur, and their authors' keywords.

    Attributes:
        texts: the phrases, each as some paper writes it.
        lengths: (papers,), characters of each text.
        different: (papers,), how many different phrases each text has.
    """

    def __init__(self, papers: Sequence[str], keywords: Sequence[Iterable[str]], counted: int | None = None) -> None:
        """keywords: those of each paper. counted: only so many papers, the first ones, determine what is a phrase.

        Raises InputError if there is no phrase.
        """
        self._papers = list(papers)
        self.lengths = np.array([len(text) for text in self._papers])
        chunks = [self._papers[start : start + 1000] for start in range(0, len(papers), 1000)]
        progress = tqdm(chunks, desc="looking for phrases", unit="thousand papers", delay=1, disable=None)
        jobs = -1 if len(papers) > 2000 else 1
        found = list(chain.from_iterable(Parallel(n_jobs=jobs)(delayed(_all_runs)(chunk) for chunk in progress)))
        rows, runs = np.repeat(np.arange(len(found)), [len(here) for here in found]), np.concatenate(found)

        counted = len(papers) if counted is None else counted
        hashes, indices = _recurring(runs["hash"][: np.searchsorted(rows, counted)], rows, counted)
        self.texts = [self._papers[rows[index]][runs["start"][index] : runs["end"][index]] for index in indices]
        numbers = dict(zip(hashes.tolist(), range(len(hashes)), strict=True))
        self._keywords: dict[int, list[int]] = {}
        for row, phrases in enumerate(keywords):
            for keyword in phrases:
                if is_subject(keyword) or (hash_ := _hash_phrase(keyword)) is None:
                    continue
                if hash_ not in numbers and row < counted:
                    numbers[hash_] = len(self.texts)
                    self.texts.append(keyword)
                if hash_ in numbers:
                    self._keywords.setdefault(row, []).append(numbers[hash_])
        if not self.texts:
            raise InputError(f"{counted:,} papers are too few: no phrase is in {LEAST_PAPERS} of them.")
        self._words = np.array([len(split_words(text).words) for text in self.texts])

        known = np.array(sorted(numbers), dtype=np.uint64)
        where = np.searchsorted(known, runs["hash"]).clip(max=len(known) - 1)
        inside = known[where] == runs["hash"]
        numbers_of = np.array([numbers[hash_] for hash_ in known.tolist()])
        self._phrase, self._start, self._end = numbers_of[where[inside]], runs["start"][inside], runs["end"][inside]
        self._first = np.searchsorted(rows[inside], np.arange(len(papers) + 1))
        self.different = np.array([len(self._of(row)) for row in range(len(papers))])

    def __len__(self) -> int:
        return len(self._papers)

    def cut(self, row: int, most: int, rng: np.random.Generator) -> Cut:
        """The text of a paper without `most` of its phrases, wherever they stand.

        Long phrases are drawn more often than short ones, and keywords most often. A keyword may be lost that the text
        never had.
        """
        had = self._of(row)
        rates = self._words[had] + KEYWORD_WEIGHT * np.isin(had, self._keywords.get(row, []))
        # A draw without replacement: events at these rates, and which happen first.
        lost = had[np.argsort(rng.exponential(size=len(had)) / rates)[:most]]
        here = slice(self._first[row], self._first[row + 1])
        gone = np.isin(self._phrase[here], lost)
        keep = np.ones(self.lengths[row], dtype=bool)
        for start, end in zip(self._start[here][gone], self._end[here][gone], strict=True):
            keep[start:end] = False
        text = "".join(compress(self._papers[row], keep))
        return Cut(" ".join(text.split()), lost, had)

    def _of(self, row: int) -> np.ndarray:
        """The different phrases of a paper, in the order of their indices."""
        here = self._phrase[self._first[row] : self._first[row + 1]]
        return np.union1d(here, self._keywords.get(row, [])).astype(np.int64)


def _recurring(hashes: np.ndarray, rows: np.ndarray, papers: int) -> tuple[np.ndarray, np.ndarray]:
    """The hashes that are those of phrases, and for each the index of a run with it.

    hashes: of runs. rows: each run's paper, in order. papers: how many there are.
    """
    order = np.argsort(hashes, kind="stable")
    in_order, papers_in_order = hashes[order], rows[order]
    firsts = np.flatnonzero(np.append(True, in_order[1:] != in_order[:-1]))
    counts = np.diff(np.append(firsts, len(hashes)))
    # Each phrase counts once for a paper.
    another = np.append(True, papers_in_order[1:] != papers_in_order[:-1])
    another[firsts] = True
    papers_of = np.add.reduceat(another.astype(np.int64), firsts)
    kept = (papers_of >= LEAST_PAPERS) & (papers_of <= MOST_SHARE * papers) & (counts >= BURSTS * papers_of)
    return in_order[firsts[kept]], order[firsts[kept]]


def _all_runs(papers: Sequence[str]) -> list[np.ndarray]:
    """For each text, every run of 1 to `LONGEST` words that may be a phrase: its hash, and where it starts and ends."""
    kind = np.dtype([("hash", np.uint64), ("start", np.int32), ("end", np.int32)])
    found = []
    for text in papers:
        words, starts, ends = split_words(text)
        hashes, stops = _hashes(words)
        here = []
        for size in range(1, min(LONGEST, len(words)) + 1):
            whole = _join(np.lib.stride_tricks.sliding_window_view(hashes, size))
            # A word in between may be a stop word, but not the end of a sentence.
            inner = np.lib.stride_tricks.sliding_window_view(stops, size)
            good = (inner[:, 0] == 0) & (inner[:, -1] == 0) & (inner.max(axis=1) < 2)
            # No comma either: the words of a phrase have one character between them.
            apart = np.array(starts[1:]) - np.array(ends[:-1]) > 1
            if size > 1:
                good &= ~np.lib.stride_tricks.sliding_window_view(apart, size - 1).any(axis=1)
            runs = np.empty(good.sum(), dtype=kind)
            runs["hash"] = whole[good]
            runs["start"], runs["end"] = np.array(starts[: len(whole)])[good], np.array(ends[size - 1 :])[good]
            here.append(runs)
        found.append(np.concatenate(here) if here else np.empty(0, dtype=kind))
    return found


def _hash_phrase(phrase: str) -> int | None:
    """The hash of a keyword; None if it has no word or more than `LONGEST`."""
    hashes, _ = _hashes(split_words(phrase).words)
    return int(_join(hashes[None])[0]) if 0 < len(hashes) <= LONGEST else None


def _hashes(words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Hashes, uint64 (words,), and kinds, int (words,).

    A kind is 1 for a stop word or a number, 2 for the end of a sentence, and otherwise 0.
    """
    pairs = [_hash(word) for word in words]
    return np.array([hash_ for hash_, _ in pairs], dtype=np.uint64), np.array([kind for _, kind in pairs], dtype=int)


@cache
def _hash(word: str) -> tuple[int, int]:
    """A word's hash and kind."""
    kind = 2 if not word[-1].isalnum() else int(word.lower() in ENGLISH_STOP_WORDS or word.isdigit() or len(word) < 2)
    return int.from_bytes(hashlib.blake2b(normalize_word(word).encode(), digest_size=8).digest()), kind


def _join(hashes: np.ndarray) -> np.ndarray:
    """One hash from those of several words: (..., words) to (...)."""
    whole = np.zeros_like(hashes[..., 0])
    for column in range(hashes.shape[-1]):
        whole = whole * FACTOR + hashes[..., column]
    return whole
