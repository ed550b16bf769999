"""The options that several commands share, each with its help, unit and limits."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Option

from scrapers.dates import Period, period

# Each command has a default of its own.
Output = Annotated[Path, Option("--output", "-o", help="CSV to write.")]
Cache = Annotated[Path, Option(help="SQLite file that keeps all answers; a run goes on from it.")]
ExcelSafe = Annotated[
    bool,
    Option(
        "--excel-safe",
        help="Put an apostrophe before what a spreadsheet would run as a formula: for people, not for programs.",
    ),
]


@dataclass(frozen=True)
class PaperOptions:
    """Which papers are written, and how."""

    since: Annotated[
        str, Option(metavar="DATE", help="Only papers from this time on: 2021, 2021-06 or 2021-06-15.")
    ] = ""
    until: Annotated[str, Option(metavar="DATE", help="Only papers up to the end of this time.")] = ""
    limit: Annotated[int | None, Option(min=1, help="Stop after this many papers.", show_default="all")] = None
    dry_run: Annotated[bool, Option("--dry-run", help="Say how much there is to do, and write no papers.")] = False
    excel_safe: ExcelSafe = False

    def __post_init__(self) -> None:
        """Raises InputError for a time that is not one, before anything is fetched."""
        _ = self.period

    @property
    def period(self) -> Period:
        """The time of the papers."""
        return period(self.since, self.until)


@dataclass(frozen=True)
class ServerOptions:
    """Which server is asked, and as whom."""

    base_url: Annotated[
        str, Option(metavar="URL", help="A mirror to read instead.", show_default="the source itself")
    ] = ""
    contact: Annotated[
        str, Option(metavar="EMAIL", help="Sent along, so that those who run the server can write to you.")
    ] = ""


@dataclass(frozen=True)
class CrawlOptions(ServerOptions):
    """How a server is asked many times."""

    pace: Annotated[
        float | None,
        Option(
            min=0.001,
            help="Seconds between two requests; on the source's own hosts never less than it asks for.",
            show_default="what the source asks for",
        ),
    ] = None
    retry_problems: Annotated[
        bool,
        Option(
            "--retry-problems",
            help="Fetch again what failed in the last run and is in its .problem_urls.csv, and listings that lacked a "
            "page.",
        ),
    ] = False
