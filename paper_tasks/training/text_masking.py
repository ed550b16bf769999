"""Training texts with some names of their tasks cut out, so that a model learns more than to look for names."""

import re
from collections.abc import Sequence

import numpy as np

from paper_tasks.data import vocabulary
from paper_tasks.data.distant_labels import Labeller

# Random runs of words are cut too, or a gap alone would show that there was a name.
MOST_DECOYS, MOST_DECOY_WORDS = 4, 3
# Share of the texts that are cut down to a sentence or two, as people paste them.
EXCERPT_RATE, MOST_EXCERPT_SENTENCES = 0.1, 2
SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


class MaskedTexts:
    """The texts of the papers by row; those of training papers lose some names of their tasks, and some other words.

    In each epoch and for each paper, the mentions of every task (all of them, in all its spellings) are cut with
    probability `mask_rate`. The cuts depend on seed, epoch and row alone.
    """

    def __init__(
        self, texts: Sequence[str], truth: np.ndarray, labels: Sequence[str], mask_rate: float, seed: int
    ) -> None:
        """truth: (training papers, labels), 0 and 1. Texts beyond the training papers stay whole."""
        tasks = [vocabulary.task(name) for name in labels]
        first = {task.canonical: index for index, task in reversed(list(enumerate(tasks)))}
        self._first_spelling = np.array([first[task.canonical] for task in tasks])
        self._labeller = Labeller(tasks)
        self._texts, self._truth = list(texts), truth
        self._mask_rate, self._seed = mask_rate, seed
        self.start_epoch(0)

    def start_epoch(self, epoch: int) -> None:
        """From now on the cuts are those of this epoch."""
        self._epoch = epoch

    def __call__(self, row: int) -> str:
        """The text of a row, with the cuts of this epoch."""
        text = self._texts[row]
        if row >= len(self._truth):
            return text
        rng = np.random.default_rng([self._seed, self._epoch, row, 1])
        tasks = np.unique(self._first_spelling[self._truth[row].nonzero()[0]])
        text = self._labeller.remove_mentions(text, set(tasks[rng.random(len(tasks)) < self._mask_rate].tolist()))
        if not self._mask_rate:
            return text
        words = text.split(" ")
        for _ in range(rng.integers(MOST_DECOYS + 1)):
            start = rng.integers(len(words) + 1)
            del words[start : start + rng.integers(1, MOST_DECOY_WORDS + 1)]
        text = " ".join(words)
        return _excerpt(text, rng) if rng.random() < EXCERPT_RATE else text


def _excerpt(text: str, rng: np.random.Generator) -> str:
    """One or two sentences of a text that follow one another."""
    sentences = SENTENCE_END.split(text)
    start = rng.integers(len(sentences))
    return " ".join(sentences[start : start + rng.integers(1, MOST_EXCERPT_SENTENCES + 1)])
