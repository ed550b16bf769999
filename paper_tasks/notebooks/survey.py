"""What a table of papers contains before and after the filter: the tables behind the first notebook's plots."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from paper_tasks.data import vocabulary
from paper_tasks.data.prepare import frequent_tasks
from paper_tasks.data.prepared_folder import SPLITS, multi_hot, read_labels, read_split
from paper_tasks.io import atomic
from paper_tasks.paths import JSON_FILES

Tasks = Sequence[Sequence[str]]


def columns(papers: pd.DataFrame) -> pd.DataFrame:
    """For each column of a table: how many rows have something in it, and the first such cell."""
    rows = []
    for name in papers:
        filled = papers[name][~papers[name].str.strip().isin(["", "[]"])]
        example = filled.iloc[0] if len(filled) else ""
        rows.append((name, len(filled), 100 * len(filled) / max(1, len(papers)), example))
    return pd.DataFrame(rows, columns=["column", "filled", "%", "for example"]).set_index("column")


def task_counts(tasks: Tasks) -> pd.Series:
    """Number of papers of each task, most frequent first; a task that a paper has twice counts once."""
    counts = Counter(task for names in tasks for task in dict.fromkeys(names))
    return pd.Series(dict(counts.most_common()), name="papers", dtype="int64")


def original_counts() -> pd.Series:
    """The same for the original's 17,861 papers, with the 2,186 tasks that Papers with Code gave them."""
    path = JSON_FILES / "task_counts.json"
    return pd.Series(json.loads(path.read_text(encoding="utf-8")), name="papers").sort_values(ascending=False)


def threshold_effects(tasks: Tasks, thresholds: Sequence[int]) -> pd.DataFrame:
    """How many tasks and papers remain if every task must have so many papers, and how many tasks a paper then has.

    Papers without a remaining task are left out. The last column has the number of tasks of the original.
    """
    counts, original = task_counts(tasks), original_counts()
    rows = []
    for threshold in thresholds:
        kept = set(frequent_tasks(counts, threshold))
        left = [number for names in tasks if (number := len(kept.intersection(names)))]
        together = sum(left) / max(1, len(left))
        rows.append((threshold, len(kept), len(left), together, int((original >= threshold).sum())))
    names = ["papers per task, at least", "tasks", "papers", "tasks per paper", "tasks in the original"]
    return pd.DataFrame(rows, columns=names).set_index(names[0]).round(2)


def together(tasks: Tasks, names: Sequence[str]) -> pd.DataFrame:
    """The share of a task's papers (row) that have another task too (column); NaN on the diagonal."""
    matrix = multi_hot(tasks, list(names)).astype(float)
    shares = matrix.T @ matrix / np.maximum(1, matrix.sum(axis=0))[:, None]
    np.fill_diagonal(shares, np.nan)
    return pd.DataFrame(shares, index=list(names), columns=list(names))


def spellings(counts: pd.Series) -> pd.DataFrame:
    """Tasks of the vocabulary that occur under several names: the canonical name, and papers by name."""
    groups: dict[str, list[str]] = {}
    for task in vocabulary.tasks():
        if counts.get(task.name, 0):
            groups.setdefault(task.canonical, []).append(f"{task.name} ({counts[task.name]:,})")
    rows = [(name, len(found), ", ".join(found)) for name, found in groups.items() if len(found) > 1]
    table = pd.DataFrame(rows, columns=["task", "spellings", "papers by spelling"])
    return table.sort_values("spellings", ascending=False, kind="stable").set_index("task")


def against_original(counts: pd.Series) -> tuple[pd.DataFrame, float]:
    """Papers of each task that both tables have, here and in the original, and the correlation of their logarithms.

    The correlation is NaN if they share fewer than three tasks.
    """
    both = pd.DataFrame({"here": counts, "original": original_counts()}).dropna().astype("int64")
    if len(both) < 3:
        return both, float("nan")
    return both, float(np.corrcoef(np.log(both["here"]), np.log(both["original"]))[0, 1])


def split_balance(prepared_dir: Path) -> pd.DataFrame:
    """Each task's share of the papers of every split, in percent. Raises InputError as `read_split` does."""
    labels = read_labels(prepared_dir)
    shares = {}
    for name in SPLITS:
        truth = multi_hot(read_split(prepared_dir, name)["tasks"], labels)
        shares[name] = 100 * truth.sum(axis=0) / max(1, len(truth))
    return pd.DataFrame(shares, index=pd.Index(labels, name="task"))


def write_tasks(counts: pd.Series, labels: Sequence[str], folder: Path) -> None:
    """Writes `task_counts.json` (papers of every task) and `task_types_encoded.json` (index of every label)."""
    folder.mkdir(parents=True, exist_ok=True)
    atomic.write_json(folder / "task_counts.json", {task: int(papers) for task, papers in counts.items()})
    atomic.write_json(folder / "task_types_encoded.json", {task: index for index, task in enumerate(labels)})
