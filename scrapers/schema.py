"""The one form of all CSVs here: the original project's columns, and a few more."""

import csv
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import IO, Any

from paper_tasks.errors import InputError
from paper_tasks.io.atomic import open_atomic
from paper_tasks.io.cells import as_text, parse_list, without_formula
from paper_tasks.io.tables import read_rows


@dataclass
class Paper:
    """A row. `URLs` is the paper's address at the source; `date` is YYYY-MM-DD or empty; lists are written as JSON."""

    URLs: str
    title: str
    abstract: str
    datasets_used: list[str] = field(default_factory=list)
    dataset_links: list[str] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)
    arxiv_id: str = ""
    date: str = ""
    venue: str = ""
    keywords: list[str] = field(default_factory=list)
    source: str = ""

    def cells(self) -> list[str]:
        """The row as text, in the order of COLUMNS."""
        values = asdict(self).values()
        return [json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value for value in values]


@dataclass(frozen=True)
class Problem:
    """An address that gave no paper, and why. `fetched_from` is what was fetched for it, if that is another address."""

    url: str
    reason: str
    fetched_from: str = ""


def fetched_from(items: Iterable[Any], url: str) -> Iterator[Any]:
    """The items; the problems among them get the address that they were fetched from."""
    return (replace(item, fetched_from=url) if isinstance(item, Problem) else item for item in items)


COLUMNS = [column.name for column in fields(Paper)]
LISTS = {column.name for column in fields(Paper) if column.default_factory is list}
PROBLEM_COLUMNS = ["URLs", "reason", "fetched_from"]


@contextmanager
def create_csv(path: Path) -> Iterator[IO[str]]:
    """A CSV to write rows to, which replaces the one at `path` when all are written; its folder is made.

    Raises InputError if it cannot be written, or another process writes it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}).") from error
    with open_atomic(path) as file:
        yield file


def write_rows(file: IO[str], rows: Iterable[list[str]], excel_safe: bool = False) -> int:
    """Writes the rows as CSV and returns their number.

    `excel_safe` puts an apostrophe before what a spreadsheet would run as a formula.
    """
    count = 0
    writer = csv.writer(file)
    for cells in rows:
        if excel_safe:
            cells = list(map(without_formula, cells))
        writer.writerow(cells)
        count += 1
    return count


def read_papers(path: Path) -> Iterator[Paper]:
    """The papers of a CSV that a scraper or the original project wrote. Raises InputError that names the line."""
    for line, row in _rows(path, {"title", "abstract"}):
        values: dict[str, Any] = {name: row.get(name, "") for name in COLUMNS}
        for name in LISTS:
            try:
                values[name] = parse_list(values[name])
            except ValueError as error:
                raise InputError(
                    f'{path}, line {line}, column \'{name}\': {error}; it should be like ["one", "two"].'
                ) from error
        yield Paper(**values)


def read_problems(path: Path) -> list[Problem]:
    """The problems of an earlier run; [] if there is no such file. Raises InputError for another table."""
    if not path.exists():
        return []
    rows = (row for _, row in _rows(path, set(PROBLEM_COLUMNS)))
    return [Problem(*(row[name] for name in PROBLEM_COLUMNS)) for row in rows]


def _rows(path: Path, needed: set[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Lines and rows of a table that must have the columns `needed`."""
    for row in read_rows(path):
        if row.problem:
            raise InputError(f"{path}, {row.position}: {row.problem}; correct or remove the row.")
        if missing := needed - row.values.keys():
            raise InputError(f"{path} has no column '{min(missing)}'; it should be a CSV that a scraper wrote.")
        yield row.line, {name: as_text(value) for name, value in row.values.items()}
