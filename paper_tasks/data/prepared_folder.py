"""The folder that `paper-tasks prepare` writes: its splits, its tasks and its report, and how to read them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from paper_tasks.data import vocabulary
from paper_tasks.errors import InputError
from paper_tasks.io import atomic, encoder, tables
from paper_tasks.io.cells import parse_column
from paper_tasks.tagger.text import TEXT_FORMAT, format_paper

SPLITS = ("train", "dev", "test")
# The papers without a task, where there are any.
UNLABELLED = "unlabelled"
LABELS, REPORT, HELD_OUT_FILE = "labels.json", "report.json", "held_out.json"
# What the report says of labels that no table brought along.
DISTANT = "distant (names, aliases and author keywords)"
# Labels made by reading are complete; of positives, such as Papers with Code's own labels, no other task is known.
READ, POSITIVES = "read", "positives"
# The set of read papers that are younger than all others.
MODERN = "modern"


@dataclass(frozen=True)
class PreparationReport:
    """What `prepare` kept and dropped; all numbers are papers unless they say tasks.

    Attributes:
        source: name of the table.
        options: the `PrepareOptions`.
        labels: `DISTANT`, or the column of the table that the tasks come from.
        split: "drawn", or the name of the file whose held-out papers were held out again.
        papers_without_a_word_dropped: of labels made by reading, those that no abstract was found for.
        held_out_papers_without_a_kept_task_dropped: None where the split was drawn.
        tasks_per_paper: mean over the papers of all splits.
        papers_per_task: for each task that was kept.
    """

    source: str
    options: Mapping[str, Any]
    labels: str
    split: str
    papers_read: int
    papers_without_a_word_dropped: int
    duplicates_dropped: int
    papers_without_a_kept_task_dropped: int
    held_out_papers_without_a_kept_task_dropped: int | None
    papers_train: int
    papers_dev: int
    papers_test: int
    tasks_found: int
    tasks_kept: int
    tasks_per_paper: float
    papers_per_task: Mapping[str, int]

    @property
    def is_distant(self) -> bool:
        """Whether the labels were made here, from names, aliases and keywords."""
        return self.labels == DISTANT

    @property
    def is_read(self) -> bool:
        """Whether readers made the labels, with the two lists `tasks` and `ok`."""
        return self.labels == READ

    def to_json(self) -> dict[str, Any]:
        """The keys of `report.json`."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def read_report(prepared_dir: Path) -> PreparationReport:
    """What `prepare` kept and dropped. Raises InputError if it is not there, or was written by another version."""
    path = prepared_file(prepared_dir, REPORT)
    record = {"held_out_papers_without_a_kept_task_dropped": None} | json.loads(path.read_text(encoding="utf-8"))
    try:
        return PreparationReport(**record)
    except TypeError as error:
        raise InputError(f"{path} was written by another version; run paper-tasks prepare again.") from error


def read_labels(prepared_dir: Path) -> list[str]:
    """The tasks that `prepare` kept, in vocabulary order. Raises InputError if they are not there."""
    labels: list[str] = json.loads(prepared_file(prepared_dir, LABELS).read_text(encoding="utf-8"))
    return labels


def read_split(prepared_dir: Path, name: str) -> pd.DataFrame:
    """The papers of one of `SPLITS`, or the `UNLABELLED` ones, as `prepare` wrote them.

    The columns `tasks`, `ok` and `keywords`, where they are there, hold lists of names.

    Raises InputError if the split is not there.
    """
    path = prepared_file(prepared_dir, f"{name}.csv")
    papers = tables.read_table(path)
    for column in papers.columns.intersection(["tasks", "ok", "keywords"]):
        papers[column] = parse_column(papers[column], path)
    return papers


def write_splits(
    output_dir: Path,
    parts: Mapping[str, pd.DataFrame],
    held_out: Mapping[str, list[str]],
    report: PreparationReport,
    unlabelled: pd.DataFrame | None = None,
) -> None:
    """Writes each part as a table of its name, and beside them the tasks, the report and the held-out fingerprints.

    Tables that an earlier preparation left there are removed.
    """
    output_dir.mkdir(parents=True, exist_ok=True)
    # Removed first and written last, so that a folder of some new and some old splits does not pass for a whole one.
    for name in (REPORT, LABELS, *(f"{name}.csv" for name in (UNLABELLED, *_held_out_before(output_dir)))):
        (output_dir / name).unlink(missing_ok=True)
    for name, part in parts.items():
        encoder.write_table(output_dir / f"{name}.csv", part)
    if unlabelled is not None and len(unlabelled):
        encoder.write_table(output_dir / f"{UNLABELLED}.csv", unlabelled)
    atomic.write_json(output_dir / HELD_OUT_FILE, held_out)
    atomic.write_json(output_dir / LABELS, [*report.papers_per_task])
    atomic.write_json(output_dir / REPORT, report.to_json())


def held_out_sets(prepared_dir: Path, split: str) -> dict[str, str]:
    """The sets of a folder of read labels that belong to a split: `READ`, `MODERN` and `POSITIVES`, where they exist.

    Each has the name by which `read_split` reads it, such as `modern_test`.
    """
    names = {READ: split, MODERN: f"{MODERN}_{split}", POSITIVES: f"{POSITIVES}_{split}"}
    return {key: name for key, name in names.items() if (prepared_dir / f"{name}.csv").is_file()}


def has_unlabelled(prepared_dir: Path) -> bool:
    """Whether `prepare` met papers without a task; then `read_split` reads them too."""
    return (prepared_dir / f"{UNLABELLED}.csv").is_file()


def _held_out_before(output_dir: Path) -> list[str]:
    """The held-out parts that an earlier preparation wrote there."""
    path = output_dir / HELD_OUT_FILE
    return [*json.loads(path.read_text(encoding="utf-8"))] if path.is_file() else []


def prepared_file(prepared_dir: Path, name: str) -> Path:
    """A file that `prepare` writes. Raises InputError if it is not there."""
    path = prepared_dir / name
    if not path.is_file():
        raise InputError(f"{path} is missing: make it with paper-tasks prepare.")
    return path


def pairs(papers: pd.DataFrame, description: str) -> Iterator[tuple[str, str]]:
    """(title, abstract) of each paper, for the classifier; with a progress bar."""
    rows = zip(papers["title"], papers["abstract"], strict=True)
    yield from tqdm(rows, desc=description, total=len(papers), unit="paper", delay=1, disable=None)


def texts(papers: pd.DataFrame) -> list[str]:
    """Title and abstract of each paper, as the one string that the model reads."""
    return [format_paper(*paper, TEXT_FORMAT) for paper in zip(papers["title"], papers["abstract"], strict=True)]


def label_matrix(papers: pd.DataFrame, labels: list[str]) -> np.ndarray:
    """The column `tasks` of `read_split`'s papers as `multi_hot` writes it.

    Read labels and positives have canonical names alone: there a task stands for all its spellings among the labels.
    """
    if "labels" not in papers:
        return multi_hot(papers["tasks"], labels)
    return multi_hot(in_every_spelling(papers["tasks"], labels), labels)


def in_every_spelling(tasks: Iterable[Iterable[str]], labels: list[str]) -> list[list[str]]:
    """Lists of canonical names, with every spelling that each has among the labels in its place."""
    spellings: dict[str, list[str]] = {}
    for label in labels:
        spellings.setdefault(vocabulary.task(label).canonical, []).append(label)
    return [[spelling for name in names for spelling in spellings.get(name, ())] for names in tasks]


def multi_hot(tasks: Iterable[Iterable[str]], labels: list[str]) -> np.ndarray:
    """0 and 1, int64, (papers, labels). (int8 overflows inside scikit-learn's sparse columns beyond 128.)"""
    index = {name: column for column, name in enumerate(labels)}
    rows = [[index[name] for name in names if name in index] for names in tasks]
    matrix = np.zeros((len(rows), len(labels)), dtype=np.int64)
    for row, columns in enumerate(rows):
        matrix[row, columns] = 1
    return matrix
