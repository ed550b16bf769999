"""The papers that systems learn from, choose thresholds on and are measured on."""

from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from paper_tasks.data.fingerprints import folder_checksum, held_out_checksum
from paper_tasks.data.near_duplicates import near_duplicates
from paper_tasks.data.prepared_folder import (
    has_unlabelled,
    in_every_spelling,
    label_matrix,
    multi_hot,
    read_labels,
    read_split,
    texts,
)
from paper_tasks.errors import InputError
from paper_tasks.evaluation.score_cache import Arrays, ScoreCache
from paper_tasks.modeling import metrics


@dataclass(frozen=True)
class EvaluationData:
    """Three tables of papers, with the columns that `read_split` gives them.

    Attributes:
        train: papers to learn from.
        dev: papers to choose thresholds on.
        papers: papers to be measured on.
        labels: the tasks, in the order of every array's columns.
        held_out_checksum: names the papers that `prepare` held out, as `held_out_checksum` does.
        near_duplicates: how many papers are left out of `papers`, because one to learn from is nearly the same.
    """

    train: pd.DataFrame
    dev: pd.DataFrame
    papers: pd.DataFrame
    labels: list[str]
    held_out_checksum: str
    near_duplicates: int

    @property
    def is_read(self) -> bool:
        """Whether readers made the labels. Then a task may be neither right nor wrong, and spellings are merged."""
        return "labels" in self.dev

    @cached_property
    def dev_truth(self) -> np.ndarray:
        """0 and 1, (papers, labels)."""
        return label_matrix(self.dev, self.labels)

    @cached_property
    def train_truth(self) -> np.ndarray:
        """0 and 1, (papers, labels)."""
        return label_matrix(self.train, self.labels)

    def counted(self, dev_scores: np.ndarray) -> np.ndarray:
        """The scores of the first papers of `dev`, with minus infinity where a tag is neither right nor wrong.

        (papers, labels), as `dev_scores`.
        """
        if not self.is_read:
            return dev_scores
        papers = self.dev[: len(dev_scores)]
        fits = multi_hot(in_every_spelling(papers["ok"], self.labels), self.labels)
        return np.where((fits > 0) & (self.dev_truth[: len(papers)] == 0), -np.inf, dev_scores)

    def best_threshold(self, dev_scores: np.ndarray) -> float:
        """The one threshold of highest micro-F1 on the first papers of `dev`; dev_scores: (papers, labels)."""
        truth, scores = self.dev_truth[: len(dev_scores)], self.counted(dev_scores)
        if self.is_read:
            merge = metrics.CanonicalTasks(self.labels).merge
            truth, scores = merge(truth), merge(scores)
        return metrics.best_threshold(truth, scores)


def load_evaluation_data(
    prepared_dir: Path, split: str, rows: int | None = None, cache_dir: Path | None = None
) -> tuple[EvaluationData, ScoreCache]:
    """Reads the papers of a split, or its first `rows`, and opens the cache of the scores that systems gave them.

    Papers that are nearly the same as one of the other splits are left out.

    Raises InputError for a missing file, or where no paper is left.
    """
    train, dev, papers = (read_split(prepared_dir, name) for name in ("train", "dev", split))
    cache = ScoreCache(cache_dir, folder_checksum(prepared_dir, split, rows))
    papers = papers[:rows]

    def find_near_duplicates() -> Arrays:
        others = [table for name, table in (("train", train), ("dev", dev)) if name != split]
        if has_unlabelled(prepared_dir):
            others.append(read_split(prepared_dir, "unlabelled"))
        return {"rows": near_duplicates(texts(papers), chain.from_iterable(map(texts, others)))}

    is_duplicate = cache.arrays("near-duplicates", "", find_near_duplicates)["rows"]
    if is_duplicate.all():
        raise InputError(
            f"{prepared_dir}: every paper of {split} is nearly the same as one that systems learn from; "
            "prepare other papers."
        )
    papers = papers[~is_duplicate].reset_index(drop=True)
    labels, checksum = read_labels(prepared_dir), held_out_checksum(prepared_dir)
    return EvaluationData(train, dev, papers, labels, checksum, int(is_duplicate.sum())), cache
