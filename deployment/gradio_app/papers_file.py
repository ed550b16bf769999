"""An uploaded file of papers: read within the app's limits, tagged, and written again with its tasks."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from paper_tasks.errors import InputError
from paper_tasks.io.encoder import RowEncoder
from paper_tasks.io.rows import TAG_COLUMNS, Row, check_paper, check_text_columns, paper_texts, tag_columns
from paper_tasks.io.tables import column_names, read_rows
from paper_tasks.tagger.classifier import Tag, TaskClassifier, by_level

MOST_BYTES = 5_000_000
MOST_ROWS = 2_000
MOST_COLUMNS = 50
SUFFIXES = (".csv", ".jsonl")
# Papers tagged between two signs of progress.
CHUNK = 16


class TaggedRow(NamedTuple):
    """A row and its tags, in the order of `TaskClassifier.rank`."""

    row: Row
    tags: list[Tag]


def read(path: Path) -> tuple[list[Row], list[Row]]:
    """The rows of a file that can be tagged, and those that cannot, each with its problem.

    Raises InputError if the file is beyond a limit, or is not a table of papers.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path.name} is neither .csv nor .jsonl; save it as one of these.")
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"{path.name} has more than {MOST_BYTES / 1e6:.0f} MB; split it, or use the command line.")
    try:
        if path.suffix.lower() == ".csv" and (names := column_names(path)):
            check_text_columns(path, names)
        rows = list(islice(map(check_paper, read_rows(path)), MOST_ROWS + 1))
    except InputError as error:
        # Nobody who uploads a file knows the server's folders.
        raise InputError(str(error).replace(str(path), path.name)) from error
    if not rows:
        raise InputError(f"{path.name} has no rows.")
    if len(rows) > MOST_ROWS:
        raise InputError(f"{path.name} has more than {MOST_ROWS:,} rows; split it, or use the command line.")
    papers = [row for row in rows if not row.problem]
    if len(_columns(papers)) > MOST_COLUMNS:
        raise InputError(f"{path.name} has more than {MOST_COLUMNS} different columns; leave out some.")
    return papers, [row for row in rows if row.problem]


def tag(classifier: TaskClassifier, rows: Iterable[Row]) -> Iterator[list[TaggedRow]]:
    """The rows with their tasks at the model's own thresholds, CHUNK by CHUNK."""
    rows = iter(rows)
    while chunk := list(islice(rows, CHUNK)):
        tags = classifier.predict(paper_texts(row.values) for row in chunk)
        yield [TaggedRow(*pair) for pair in zip(chunk, tags, strict=True)]


def write(path: Path, tagged: Sequence[TaggedRow]) -> None:
    """All columns and the tasks, as CSV that no spreadsheet runs formulas of, or as JSON Lines, by the file's name."""
    columns = [*_columns(row for row, _ in tagged), *TAG_COLUMNS]
    encoder = RowEncoder(path, columns, excel_safe=True)
    path.write_bytes(encoder.head() + encoder.encode([row.values | tag_columns(tags) for row, tags in tagged]))


def count_tasks(tagged: Sequence[TaggedRow]) -> list[tuple[str, int]]:
    """How many of the papers work on each task, the most frequent first."""
    counts = Counter(tag.task for _, tags in tagged for tag in by_level(tags)[0])
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _columns(rows: Iterable[Row]) -> list[str]:
    return [name for name in dict.fromkeys(name for row in rows for name in row.values) if name not in TAG_COLUMNS]
