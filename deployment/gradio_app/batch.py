"""A file of many papers, CSV or JSON Lines: read with suspicion, tagged, and written again with its tasks."""

import codecs
import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from paper_tasks.tagger.classifier import Tag, TaskClassifier
from paper_tasks.tagger.text import format_paper, has_words

MOST_BYTES = 5_000_000
MOST_ROWS = 2_000
MOST_COLUMNS = 50
SUFFIXES = (".csv", ".jsonl")
# Papers tagged between two signs of progress.
CHUNK = 16
# The columns that are added, as `paper_tasks tag` names them.
TASKS, PROBABILITIES = "predicted_tasks", "probabilities"
# What a spreadsheet takes for the start of a formula, in full width too.
_FORMULA_STARTS = (*"=+-@\t\r\n", *"＝＋－＠")
# What spreadsheets write instead of commas: in many countries, or as "text".
_SEPARATORS = {";": "semicolons", "\t": "tabs"}
# As Python reads bytes that are no UTF-8 by the error handler "surrogateescape".
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")


class BatchError(Exception):
    """A file that cannot be used at all, told in one sentence: what is wrong, and what to do."""


class Row(NamedTuple):
    """A row that can be tagged: the line of the file where it starts, and all its columns."""

    line: int
    values: dict[str, Any]

    def text(self, name: str) -> str:
        """The row's title or abstract, however the file writes the column's name ("Title"); "" if it has none."""
        return next((value for key, value in self.values.items() if value and key.strip().lower() == name), "")


class Broken(NamedTuple):
    """A row that cannot be tagged, and why."""

    line: int
    reason: str


class Tagged(NamedTuple):
    """A row and its tasks, likeliest first."""

    row: Row
    tags: list[Tag]


def read(path: Path) -> tuple[list[Row], list[Broken]]:
    """The rows of a file, in their order. Raises BatchError if it is too large, or is no table of papers."""
    if path.suffix.lower() not in SUFFIXES:
        raise BatchError(f"{path.name} is neither .csv nor .jsonl; save it as one of these.")
    if path.stat().st_size > MOST_BYTES:
        raise BatchError(f"{path.name} has more than {MOST_BYTES / 1e6:.0f} MB; split it, or use the command line.")
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    if not content.strip():
        raise BatchError(f"{path.name} is empty; choose another.")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise BatchError(f"{path.name} is UTF-16; save it as UTF-8.")
    # As each .xlsx does, whatever it is called.
    if content.startswith(b"PK\3\4"):
        raise BatchError(f"{path.name} is no text but a spreadsheet or an archive; save it as CSV.")
    text = content.decode("utf-8", "surrogateescape")
    lines, rows, broken = StringIO(text, newline=""), [], []
    for row in _csv_rows(path.name, lines) if path.suffix.lower() == ".csv" else _json_rows(lines):
        if len(rows) + len(broken) == MOST_ROWS:
            raise BatchError(f"{path.name} has more than {MOST_ROWS:,} rows; split it, or use the command line.")
        problem = row.reason if isinstance(row, Broken) else _problem(row)
        if problem is None:
            rows.append(row)
        else:
            broken.append(Broken(row.line, problem))
    if not rows and not broken:
        raise BatchError(f"{path.name} has no rows.")
    if len(_columns(rows)) > MOST_COLUMNS:
        raise BatchError(f"{path.name} has more than {MOST_COLUMNS} different columns; leave out some.")
    return rows, broken


def tag(classifier: TaskClassifier, rows: Iterable[Row]) -> Iterator[list[Tagged]]:
    """The rows with their tasks at the model's own thresholds, CHUNK by CHUNK."""
    rows = iter(rows)
    while chunk := list(islice(rows, CHUNK)):
        tags = classifier.predict((row.text("title"), row.text("abstract")) for row in chunk)
        yield [Tagged(*pair) for pair in zip(chunk, tags, strict=True)]


def write_csv(path: Path, tagged: Sequence[Tagged]) -> None:
    """All columns and the tasks; cells that a spreadsheet would run as a formula start with an apostrophe."""
    columns = [*_columns([row for row, _ in tagged]), TASKS, PROBABILITIES]
    with path.open("w", newline="", encoding="utf-8", errors="replace") as file:
        writer = csv.writer(file)
        writer.writerow(map(_defused, columns))
        for values in map(_values, tagged):
            writer.writerow(_defused(values.get(name)) for name in columns)


def write_jsonl(path: Path, tagged: Sequence[Tagged]) -> None:
    """One object a line, all columns and the tasks."""
    with path.open("w", encoding="utf-8") as file:
        # Escaped, for a lone surrogate has no UTF-8.
        file.writelines(json.dumps(values) + "\n" for values in map(_values, tagged))


def count_tasks(tagged: Sequence[Tagged]) -> list[tuple[str, int]]:
    """In how many of the papers each task is, the most frequent first."""
    counts: dict[str, int] = {}
    for _, tags in tagged:
        for task, _ in tags:
            counts[task] = counts.get(task, 0) + 1
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _values(tagged: Tagged) -> dict[str, Any]:
    tasks, probabilities = [task for task, _ in tagged.tags], [round(value, 4) for _, value in tagged.tags]
    return tagged.row.values | {TASKS: tasks, PROBABILITIES: probabilities}


def _columns(rows: Iterable[Row]) -> list[str]:
    added = (TASKS, PROBABILITIES)
    return [name for name in dict.fromkeys(name for row in rows for name in row.values) if name not in added]


def _problem(row: Row) -> str | None:
    texts = [row.text("title"), row.text("abstract")]
    if not all(isinstance(text, str) for text in texts):
        return "the title or abstract is no text"
    if not has_words(format_paper(*texts)):
        return "no words in title or abstract"
    return None


def _csv_rows(name: str, lines: StringIO) -> Iterator[Row | Broken]:
    # Strict, or a stray quotation mark would swallow rows without a word.
    reader = csv.reader(lines, strict=True)
    header = _header(reader)
    if header is None:
        for separator, names in _SEPARATORS.items():
            lines.seek(0)
            if _header(csv.reader(lines, delimiter=separator, strict=True)):
                raise BatchError(f"{name} has its columns separated by {names}; save it with commas.")
        raise BatchError(f"{name} has no column 'title' or 'abstract' in its first line; name the columns there.")
    if len({cell.lower() for cell in header}) < len(header):
        raise BatchError(f"{name} has a column twice in its first line; rename one.")
    while True:
        line = reader.line_num + 1
        cells = _next(reader)
        if cells is None:
            return
        if isinstance(cells, str):
            swallowed = f", nor what follows up to line {reader.line_num}" if reader.line_num > line else ""
            yield Broken(line, f"cannot be read as CSV{swallowed} ({cells})")
        elif cells and len(cells) != len(header):
            yield Broken(line, f"has {len(cells)} cells where the first line has {len(header)}")
        elif any(map(_ESCAPED_BYTE.search, cells or ())):
            yield Broken(line, "is not UTF-8")
        elif cells:
            yield Row(line, dict(zip(header, cells, strict=True)))


def _header(reader: Any) -> list[str] | None:
    """The columns that the first row of a CSV names, if there is one of papers among them."""
    cells = _next(reader)
    names = [cell.strip() for cell in cells] if isinstance(cells, list) else []
    return names if {"title", "abstract"} & {name.lower() for name in names} else None


def _next(reader: Any) -> list[str] | str | None:
    """The next row of a CSV, why it cannot be read, or None at the end."""
    try:
        return next(reader, None)
    except csv.Error as error:
        return str(error)


def _json_rows(lines: Iterable[str]) -> Iterator[Row | Broken]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if _ESCAPED_BYTE.search(line):
            yield Broken(number, "is not UTF-8")
            continue
        try:
            values = json.loads(line)
            # What is nested too deeply to be written again is found here, and numbers that are none.
            json.dumps(values, allow_nan=False)
        except (ValueError, RecursionError):
            yield Broken(number, "is no JSON")
            continue
        yield Row(number, values) if isinstance(values, dict) else Broken(number, "is no JSON object ({…})")


def _defused(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


WRITERS: dict[str, Callable[[Path, Sequence[Tagged]], None]] = {".csv": write_csv, ".jsonl": write_jsonl}
