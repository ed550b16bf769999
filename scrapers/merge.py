"""Joins CSVs of several sources into one, with each paper once."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from paper_tasks.io.arxiv import arxiv_number
from scrapers.schema import COLUMNS, Paper, create_csv, read_papers, write_rows

# Lists: a merged paper has the items of all its rows.
UNITED = ("methods", "tasks", "keywords")
# A merged paper has the first row's value, if it is not empty. In all other columns it has the longest value.
FIRST = ("URLs", "title")
# What two rows of one paper share: a column and its value.
Key = tuple[str, str]


@dataclass
class _Papers:
    """Says which rows are one paper: those with the same arXiv number, or with the same title if they lack a number.

    A row without a number belongs to the first row that has its title and a number.
    """

    number_of_title: dict[str, str] = field(default_factory=dict)
    rows: Counter[Key] = field(default_factory=Counter)

    def add(self, paper: Paper) -> None:
        number, title = arxiv_number(paper.arxiv_id), _letters(paper.title)
        if number and title:
            self.number_of_title.setdefault(title, number)
        self.rows[self.key(paper)] += 1

    def settle(self) -> None:
        """Call it when all rows are added: rows that came before the row with their number are counted there."""
        for title, number in self.number_of_title.items():
            self.rows["arxiv_id", number] += self.rows.pop(("title", title), 0)

    def key(self, paper: Paper) -> Key:
        title = _letters(paper.title)
        if number := arxiv_number(paper.arxiv_id) or self.number_of_title.get(title):
            return "arxiv_id", number
        if title:
            return "title", title
        return ("URLs", paper.URLs) if paper.URLs else ("abstract", paper.abstract)


def merge(paths: Sequence[Path], output: Path, excel_safe: bool = False) -> tuple[int, int]:
    """Writes each paper of the CSVs once, and returns the number of rows and the number of papers.

    It reads the files twice, so that memory only ever holds rows with a twin. Raises InputError.
    """
    papers = _Papers()
    for paper in _read(paths, "comparing"):
        papers.add(paper)
    rows = papers.rows.total()
    papers.settle()
    with create_csv(output) as file:
        write_rows(file, [COLUMNS])
        return rows, write_rows(file, (paper.cells() for paper in _merged(paths, papers, rows)), excel_safe)


def richest(twins: Sequence[Paper]) -> Paper:
    """One paper of several rows, column by column as UNITED and FIRST say."""
    values = {name: max((getattr(twin, name) for twin in twins), key=len) for name in COLUMNS}
    for name in FIRST:
        values[name] = next((getattr(twin, name) for twin in twins if getattr(twin, name)), "")
    for name in UNITED:
        values[name] = list(dict.fromkeys(item for twin in twins for item in getattr(twin, name)))
    numbers = (arxiv_number(twin.arxiv_id) for twin in twins)
    values["arxiv_id"] = next(filter(None, numbers), values["arxiv_id"])
    sources = (source for twin in twins for source in twin.source.split("; ") if source)
    values["source"] = "; ".join(dict.fromkeys(sources))
    return Paper(**values)


def _merged(paths: Sequence[Path], papers: _Papers, total: int) -> Iterator[Paper]:
    """The papers, each in the place of the last of its rows."""
    waiting: dict[Key, list[Paper]] = {}
    for paper in _read(paths, "merging", total):
        key = papers.key(paper)
        twins = waiting.setdefault(key, [])
        twins.append(paper)
        if len(twins) == papers.rows[key]:
            yield richest(waiting.pop(key))
    # Something waits only if a file was changed between the two readings.
    yield from map(richest, waiting.values())


def _read(paths: Sequence[Path], doing: str, total: int | None = None) -> Iterator[Paper]:
    with tqdm(desc=doing, total=total, unit=" papers", disable=None) as bar:
        for path in paths:
            for paper in read_papers(path):
                bar.update()
                yield paper


def _letters(title: str) -> str:
    """The title without case, spaces and punctuation."""
    return "".join(filter(str.isalnum, title.casefold()))
