"""What is known of each label of a paper, as numbers that losses and scores read."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from paper_tasks.data import vocabulary
from paper_tasks.data.prepared_folder import POSITIVES, READ

# What a label may be beside a probability from 0 to 1:
# - nothing is known of it;
UNKNOWN = float("nan")
# - it fits the paper, which does not work on it;
FITS = -1.0
# - it is right at one of these two levels, but nobody says at which.
POSITIVE = 2.0


def targets_of(papers: pd.DataFrame, labels: Sequence[str]) -> np.ndarray:
    """1 (the paper works on it), 0 (wrong), `FITS`, `POSITIVE` or `UNKNOWN` for each label: float32 (papers, labels).

    papers: with the columns `tasks`, and `ok` and `labels` where they are read. A task stands for all its spellings.
    Readers do not judge names that are no tasks, so those are unknown. Papers without those columns have 0 and 1.
    """
    if "labels" not in papers:
        each = [set(tasks) for tasks in papers["tasks"]]
        return np.array([[name in tasks for name in labels] for tasks in each], dtype=np.float32)
    columns = task_columns(labels)
    artefacts = [index for index, name in enumerate(labels) if not vocabulary.task(name).is_task]
    targets = np.zeros((len(papers), len(labels)), dtype=np.float32)
    targets[papers["labels"] == POSITIVES] = UNKNOWN
    targets[:, artefacts] = UNKNOWN
    for row, (main, ok, kind) in enumerate(zip(papers["tasks"], papers["ok"], papers["labels"], strict=True)):
        right = 1.0 if kind == READ else POSITIVE
        for names, value in ((ok, FITS), (main, right)):
            targets[row, [index for name in names for index in columns.get(name, ())]] = value
    return targets


def task_columns(labels: Sequence[str]) -> dict[str, list[int]]:
    """The indices of all spellings of each task, by the name to show."""
    columns: dict[str, list[int]] = {}
    for index, name in enumerate(labels):
        columns.setdefault(vocabulary.task(name).canonical, []).append(index)
    return columns
