"""A run writes the papers of a source into a CSV, writes what failed into a table of problems, and sums both up.

A run keeps nothing but the answers, in the client's cache. After a kill, the same command reads those instead of
fetching again, and so writes the same CSV, byte for byte.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from paper_tasks.errors import InputError
from scrapers.dates import Period
from scrapers.http.client import Client
from scrapers.schema import COLUMNS, PROBLEM_COLUMNS, Paper, Problem, create_csv, read_problems, write_rows

REASONS_SHOWN = 10


@dataclass
class Expected:
    """A source says how many more papers will come, once it knows."""

    papers: int


@dataclass
class Skipped:
    """A paper that is left out on purpose, and why."""

    reason: str


Item = Paper | Problem | Skipped | Expected


@dataclass
class Summary:
    """What a run did."""

    papers: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)

    def table(self, output: Path, client: Client | None = None) -> str:
        """Lines for people: papers, answers fetched and from the cache, papers left out, failures by reason."""
        lines = [f"{self.papers:>9,}  papers in {output}"]
        if client:
            lines.append(f"{client.fetched:>9,}  answers fetched")
            lines.append(f"{client.from_cache:>9,}  answers from the cache")
        lines += [f"{count:>9,}  left out: {reason}" for reason, count in self.skipped.most_common()]
        lines.append(f"{len(self.problems):>9,}  failed")
        reasons = Counter(problem.reason for problem in self.problems)
        lines += [f"{count:>13,}  {reason}" for reason, count in reasons.most_common(REASONS_SHOWN)]
        if len(reasons) > REASONS_SHOWN:
            lines.append(f"{'':>15}and {len(reasons) - REASONS_SHOWN} other reasons")
        if self.problems:
            lines.append(f"{problems_path(output)} has each of them.")
        return "\n".join(lines)


class NothingCame(InputError):
    """No paper came: a server in trouble or a misspelt word, for which an earlier CSV must not be lost."""

    def __init__(self, summary: Summary, output: Path) -> None:
        reasons = [problem.reason for problem in summary.problems[:1]]
        reasons += [f"left out: {reason}" for reason, _ in summary.skipped.most_common(1)]
        super().__init__(f"No paper came ({(reasons or ['nothing matches'])[0]}); {output} is as it was.")
        self.summary = summary


def problems_path(output: Path) -> Path:
    """The table of problems of the run that writes `output`: `papers.problem_urls.csv` for `papers.csv`."""
    return output.with_name(f"{output.stem}.problem_urls.csv")


def collect(
    items: Iterable[Item], output: Path, period: Period, limit: int | None = None, excel_safe: bool = False
) -> Summary:
    """Writes the papers of `period` among `items` to `output`: no address twice, and at most `limit` papers.

    Raises NothingCame, and leaves `output` as it is, if there is no paper at all.
    """
    summary = Summary()
    with create_csv(output) as file, tqdm(desc=output.name, unit=" papers", disable=None) as bar:
        papers = islice(_papers(items, period, limit, summary, bar), limit)
        write_rows(file, [COLUMNS])
        summary.papers = write_rows(file, (paper.cells() for paper in papers), excel_safe)
        # Written before the CSV takes its place: a CSV without its table of problems would look complete.
        path = problems_path(output)
        if summary.problems:
            with create_csv(path) as table:
                write_rows(table, [PROBLEM_COLUMNS])
                write_rows(table, ([problem.url, problem.reason, problem.fetched_from] for problem in summary.problems))
        if not summary.papers:
            raise NothingCame(summary, output)
    if not summary.problems:
        path.unlink(missing_ok=True)
    return summary


def forget_problems(client: Client, output: Path, listings: Mapping[str, str] | None = None) -> None:
    """Drops the answers behind the problems of `output` from the cache, so that they are fetched again.

    Answers that came since then stay: a run that is killed and started again asks for nothing twice.

    Args:
        listings: problems that may come from a gap in a listing, by their reason; with a part of the listing's address.
    """
    path = problems_path(output)
    problems = read_problems(path)
    if not problems:
        return
    # The file system's clock is some milliseconds late.
    written = datetime.fromtimestamp(path.stat().st_mtime + 0.1, UTC)
    for problem in problems:
        client.cache.forget(problem.fetched_from or problem.url, written)
    for reason, part in (listings or {}).items():
        if any(problem.reason == reason and not problem.fetched_from for problem in problems):
            client.cache.forget_listings(part, written)


def _papers(items: Iterable[Item], period: Period, limit: int | None, summary: Summary, bar: tqdm) -> Iterator[Paper]:
    seen = set()
    for item in items:
        if isinstance(item, Expected):
            total = bar.n + item.papers
            # A source that does not know says 0; for the bar, None is unknown.
            bar.total = min(total, limit or total) if item.papers else None
            continue
        bar.update()
        if isinstance(item, Problem):
            summary.problems.append(item)
        elif isinstance(item, Skipped):
            summary.skipped[item.reason] += 1
        elif item.date not in period:
            summary.skipped["of another time"] += 1
        elif item.URLs in seen:
            summary.skipped["came before"] += 1
        else:
            seen.add(item.URLs)
            yield item
