"""CSVs of several sources made one, with each paper once."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from paper_tasks.io.arxiv import arxiv_number
from scrapers.schema import COLUMNS, Paper, create_csv, read_papers, write_rows

# Of these a merged paper has what any of its rows has; of the others, what the row with most has.
UNITED = ("methods", "tasks", "keywords")
FIRST = ("URLs", "title")
# What two rows of one paper share: a column, and what stands there.
Key = tuple[str, str]


@dataclass
class _Papers:
    """Which rows are of one paper: those with one arXiv number, or, for want of it, with one title.

    A row without a number goes to the first row with a number that has its title.
    """

    number_of_title: dict[str, str] = field(default_factory=dict)
    rows: Counter[Key] = field(default_factory=Counter)

    def add(self, paper: Paper) -> None:
        number, title = arxiv_number(paper.arxiv_id), _letters(paper.title)
        if number and title:
            self.number_of_title.setdefault(title, number)
        self.rows[self.key(paper)] += 1

    def settle(self) -> None:
        """To be called when all are added: what came before the row with its number goes there."""
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
    """Writes each paper of the CSVs once, and returns how many rows there were and how many papers.

    Reads the files twice, so that only rows with a twin are ever held in memory. Raises InputError.
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
    """One paper of several rows: the first's address and title, all tasks, methods and keywords, else the longest."""
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
    """A paper comes where the last of its rows stands."""
    waiting: dict[Key, list[Paper]] = {}
    for paper in _read(paths, "merging", total):
        key = papers.key(paper)
        twins = waiting.setdefault(key, [])
        twins.append(paper)
        if len(twins) == papers.rows[key]:
            yield richest(waiting.pop(key))
    # None, unless a file was changed in between.
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
