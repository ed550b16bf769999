"""The one form in which all sources are written: the original project's columns, and a few more."""

import csv
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path


@dataclass
class Paper:
    """A row. `URLs` is the address it was read from; lists are written as JSON; `date` is YYYY-MM-DD or empty."""

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
        values = (getattr(self, name) for name in COLUMNS)
        return [json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value for value in values]


COLUMNS = [column.name for column in fields(Paper)]


def write_csv(path: Path, papers: Iterable[Paper]) -> int:
    """Writes the papers to a file beside `path`, which takes its place at the end. Returns their number."""
    partial = path.with_name(path.name + ".partial")
    papers_written = 0
    try:
        with partial.open("w", newline="", encoding="utf-8", errors="replace") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for paper in papers:
                writer.writerow(paper.cells())
                papers_written += 1
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return papers_written
