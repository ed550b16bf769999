"""Options that several commands share, with their units and defaults."""

from pathlib import Path
from typing import Annotated

from typer import Option

Output = Annotated[Path, Option("--output", "-o", help="CSV to write.")]
Since = Annotated[str, Option(metavar="DATE", help="Only papers of this time and later: 2021, 2021-06 or 2021-06-15.")]
Until = Annotated[str, Option(metavar="DATE", help="Only papers up to the end of this time.")]
Limit = Annotated[int | None, Option(min=1, help="Stop after so many papers.", show_default="all")]
DryRun = Annotated[bool, Option("--dry-run", help="Tell how much there is to do, and write no papers.")]
ExcelSafe = Annotated[
    bool,
    Option(
        "--excel-safe",
        help="Put an apostrophe before what a spreadsheet would run as a formula: for people, not for programs.",
    ),
]
RetryProblems = Annotated[
    bool,
    Option(
        "--retry-problems",
        help="Fetch anew what failed in the last run and is in its .problem_urls.csv, and listings that lacked a page.",
    ),
]
Contact = Annotated[str, Option(metavar="EMAIL", help="For those who run the server to write to; sent along.")]
BaseUrl = Annotated[str, Option(metavar="URL", help="A mirror to read instead.", show_default="the source itself")]
Pace = Annotated[
    float | None,
    Option(
        min=0.001,
        help="Seconds between two requests; on the source's own hosts never less than it asks for.",
        show_default="what the source asks for",
    ),
]
Cache = Annotated[Path, Option(help="SQLite file that keeps all answers; a run goes on from it.")]
