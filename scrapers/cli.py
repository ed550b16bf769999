"""The command line of the scrapers: one command a source, and one to merge what they wrote."""

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

import typer
from typer import Argument, Option

from paper_tasks.errors import InputError
from scrapers import options

if TYPE_CHECKING:
    from scrapers.dates import Period
    from scrapers.http.client import Client
    from scrapers.run import Item

# Modules are imported where they are used: `--help` starts without any.
app = typer.Typer(
    name="python -m scrapers",
    help="Collect papers into a CSV that python -m paper_tasks prepare reads. A command goes on where it was broken "
    "off. Exit code 1: some papers failed, the others are written; 2: nothing is written.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

# What typer makes of Ctrl-C.
INTERRUPTED = 130
FOLDER = Path("csv_files")


@app.command(epilog="Example: python -m scrapers archive --since 2020 --area Audio")
def archive(
    dump: Annotated[
        list[Path] | None,
        Argument(help="Local files of the dump, .parquet or .json.gz.", show_default="fetch four .parquet"),
    ] = None,
    output: options.Output = FOLDER / "archive.csv",
    everything: Annotated[bool, Option("--everything", help="All papers, also those of other methods.")] = False,
    area: Annotated[
        list[str] | None,
        Option(help='Papers of methods of this area ("Audio") instead; repeatable.', show_default=False),
    ] = None,
    method: Annotated[
        list[str] | None, Option(help='Papers of this method ("ResNet") instead; repeatable.', show_default=False)
    ] = None,
    since: options.Since = "",
    until: options.Until = "",
    limit: options.Limit = None,
    dry_run: options.DryRun = False,
    excel_safe: options.ExcelSafe = False,
    folder: Annotated[Path, Option(help="Where the fetched files go, 580 MB.")] = FOLDER / "archive",
    base_url: options.BaseUrl = "",
    contact: options.Contact = "",
) -> None:
    """Papers with Code's last dump: 576,261 papers, with the tasks they had.

    Takes the papers of the methods that the original project crawled, unless told otherwise; no advertisements.
    """
    from scrapers.dates import period
    from scrapers.sources import archive as source
    from scrapers.sources.selection import Selection, original_selection, slug

    if everything and (area or method):
        raise InputError("Give either --everything, or --area and --method.")
    time = period(since, until)
    if everything or area or method:
        areas = frozenset(map(str.casefold, area or []))
        selection = Selection(frozenset(map(slug, method or [])), areas=areas)
    else:
        selection = original_selection()
    if dry_run:
        absent = [] if dump else [name for name in source.SHARDS if not (folder / name).exists()]
        print(f"Files to fetch into {folder}: {', '.join(absent) or 'none'}.")
        return
    files = dump or source.fetch(folder, _address(base_url, source.HUB), contact)
    _collect(None, source.papers(files, selection), output, time, limit, excel_safe)


@app.command(epilog="Example: python -m scrapers wayback https://paperswithcode.com/method/resnet --limit 100")
def wayback(
    addresses: Annotated[
        list[str] | None,
        Argument(metavar="[ADDRESS]...", help="Pages of categories, methods or papers to start from instead."),
    ] = None,
    start: Annotated[
        Literal["site", "categories", "methods", "papers"],
        Option(help="The site's list of categories, the original's 34 categories or 698 methods, or every paper."),
    ] = "methods",
    output: options.Output = FOLDER / "wayback.csv",
    since: options.Since = "",
    until: options.Until = "",
    limit: options.Limit = None,
    dry_run: options.DryRun = False,
    retry_problems: options.RetryProblems = False,
    excel_safe: options.ExcelSafe = False,
    cache: options.Cache = FOLDER / "cache" / "wayback.sqlite",
    base_url: options.BaseUrl = "",
    pace: options.Pace = None,
    contact: options.Contact = "",
    ignore_robots: Annotated[
        bool, Option("--ignore-robots", help="Do not ask robots.txt: only if the Internet Archive lets you.")
    ] = False,
) -> None:
    """The pages of Papers with Code, as the Wayback Machine keeps them.

    A hundred papers or fewer come at 24 a minute; more at 4 a second, after minutes of listing them.
    """
    from scrapers.dates import period
    from scrapers.sources import wayback as source
    from scrapers.sources.pages import SITE
    from scrapers.sources.selection import LINKS

    time, base = period(since, until), _address(base_url, source.ARCHIVE)
    pages: list[str] | None = addresses
    if not addresses and start == "site":
        pages = [f"{SITE}/methods"]
    elif not addresses and start != "papers":
        name = {"categories": "category_links.json", "methods": "method_links.json"}[start]
        pages = json.loads((LINKS / name).read_text(encoding="utf-8"))
    with _client(source, base, pace, cache, contact, output if retry_problems and not dry_run else None) as client:
        if dry_run:
            papers = source.count(client, base, not ignore_robots)
            _tell_count([papers], source.PACE, "papers of the site have a snapshot")
        else:
            _collect(client, source.crawl(client, pages, base, not ignore_robots), output, time, limit, excel_safe)


@app.command(epilog="Example: python -m scrapers arxiv --category cs.CL --category cs.CV --since 2026-06")
def arxiv(
    numbers: Annotated[
        list[str] | None, Argument(metavar="[NUMBER]...", help="arXiv numbers, such as 1706.03762, or addresses.")
    ] = None,
    category: Annotated[
        list[str] | None, Option(help="A category, such as cs.CL; repeatable; needs --since.", show_default=False)
    ] = None,
    since: options.Since = "",
    until: options.Until = "",
    oai: Annotated[bool, Option("--oai", help="Ask over OAI-PMH: faster for more than 10,000 papers.")] = False,
    output: options.Output = FOLDER / "arxiv.csv",
    limit: options.Limit = None,
    dry_run: options.DryRun = False,
    retry_problems: options.RetryProblems = False,
    excel_safe: options.ExcelSafe = False,
    cache: options.Cache = FOLDER / "cache" / "arxiv.sqlite",
    base_url: options.BaseUrl = "",
    pace: options.Pace = None,
    contact: options.Contact = "",
) -> None:
    """New papers from arXiv, without tasks: one request every 3 seconds; answers are good for a day."""
    from scrapers.dates import period
    from scrapers.sources import arxiv as source

    if bool(numbers) == bool(category) or (category and not since) or (numbers and oai):
        raise InputError("Give either arXiv numbers, or --category and --since (and perhaps --until and --oai).")
    categories = category or []
    # Before any is asked for: the last, misspelt, would cost those before it.
    for name in categories:
        source.check_category(name)
    time, base = period(since, until), _address(base_url, source.OAI if oai else source.API)
    today = datetime.now(UTC).date()
    end = min(time.until or today, today)
    with _client(source, base, pace, cache, contact, output if retry_problems and not dry_run else None) as client:
        if dry_run:
            if numbers:
                counts = [len(numbers)]
            elif oai:
                counts = [source.count_harvest(client, name, time.since, base) for name in categories]
            else:
                counts = [source.count(client, name, time.since, end, base) for name in categories]
            _tell_count(counts, source.PACE / source.PAGE, "papers")
            return
        if numbers:
            items = source.by_number(client, numbers, base)
        elif oai:
            items = chain.from_iterable(source.harvest(client, name, time.since, base) for name in categories)
        else:
            items = chain.from_iterable(source.by_category(client, name, time.since, end, base) for name in categories)
        _collect(client, items, output, time, limit, excel_safe)


@app.command(epilog="Example: python -m scrapers openreview ICLR.cc/2023/Conference ICLR.cc/2024/Conference")
def openreview(
    venues: Annotated[
        list[str], Argument(metavar="VENUE...", help="As in OpenReview's addresses: ICLR.cc/2024/Conference.")
    ],
    submitted: Annotated[bool, Option("--submitted", help="All submissions one may read, not only accepted.")] = False,
    output: options.Output = FOLDER / "openreview.csv",
    since: options.Since = "",
    until: options.Until = "",
    limit: options.Limit = None,
    dry_run: options.DryRun = False,
    retry_problems: options.RetryProblems = False,
    excel_safe: options.ExcelSafe = False,
    cache: options.Cache = FOLDER / "cache" / "openreview.sqlite",
    base_url: options.BaseUrl = "",
    pace: options.Pace = None,
    contact: options.Contact = "",
) -> None:
    """The papers of venues, with the authors' keywords, without tasks: one request a second, 1,000 papers each.

    Where OpenReview wants a login (HTTP 403), put the token of one into the environment variable OPENREVIEW_TOKEN.
    """
    from scrapers.dates import period
    from scrapers.sources import openreview as source

    time, base = period(since, until), _address(base_url, source.API)
    with _client(source, base, pace, cache, contact, output if retry_problems and not dry_run else None) as client:
        if dry_run:
            counts = [source.count(client, venue, submitted, base) for venue in venues]
            _tell_count(counts, source.PACE / source.PAGE, "papers")
        else:
            items = chain.from_iterable(source.papers(client, venue, submitted, base) for venue in venues)
            _collect(client, items, output, time, limit, excel_safe)


@app.command(epilog="Example: python -m scrapers merge csv_files/archive.csv csv_files/wayback.csv")
def merge(
    sources: Annotated[
        list[Path], Argument(metavar="CSV...", help="CSVs of the scrapers, or of the original project.")
    ],
    output: options.Output = FOLDER / "papers.csv",
    excel_safe: options.ExcelSafe = False,
) -> None:
    """Join CSVs, one paper once: by its arXiv number, else by its title; of each field the richest is kept."""
    from scrapers.merge import merge as merge_files

    rows, papers = merge_files(sources, output, excel_safe)
    print(f"{rows:,} rows are {papers:,} papers in {output}.")


def main() -> None:
    """Runs the command that the arguments name; what goes wrong outside is told in a sentence, with exit code 2."""
    try:
        app()
    except (InputError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except UnicodeEncodeError:
        print("error: Bytes that are no UTF-8 cannot be asked for; correct what you typed.", file=sys.stderr)
        sys.exit(2)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            print("Interrupted; the same command goes on where it was.", file=sys.stderr)
        raise


def _address(base_url: str, default: str) -> str:
    address = (base_url or default).rstrip("/")
    try:
        parts = urlsplit(address)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise InputError(f"--base-url '{base_url}' is no address; one is like http://localhost:8000.")
    return address


@contextmanager
def _client(
    source: ModuleType, base: str, pace: float | None, cache: Path, contact: str, retry: Path | None
) -> Iterator["Client"]:
    """A client for the source, the only one at its cache; `retry` is the CSV whose problems are to be fetched anew."""
    from paper_tasks.io.locks import opened_alone
    from scrapers.http.client import Client
    from scrapers.http.transport import FetchError, hosts_of
    from scrapers.run import forget_problems

    keeps = getattr(source, "KEEPS", None)
    hosts = hosts_of(base, source.HOSTS)
    pace = max(pace or source.PACE, source.PACE if hosts == source.HOSTS else 0)
    paces = {f"{base}{path}": pace * factor for path, factor in getattr(source, "SLOWER", {}).items()}
    # A mirror is not to know it, nor those who listen on the way.
    token = _token(source) if hosts == source.HOSTS and base.startswith("https:") else ""
    cache.parent.mkdir(parents=True, exist_ok=True)
    with (
        opened_alone(cache.with_name(cache.name + ".lock")),
        Client(hosts, pace, cache, paces=paces, keep=source.KEEP, keeps=keeps, contact=contact, token=token) as client,
    ):
        if retry:
            forget_problems(client, retry, getattr(source, "LISTINGS", None))
        try:
            yield client
        except FetchError as error:
            raise InputError(f"{base} cannot be asked: {error}.") from error


def _token(source: ModuleType) -> str:
    name = getattr(source, "TOKEN", "")
    token = os.environ.get(name, "").strip()
    # The library's own error would show it.
    if not re.fullmatch("[!-~]*", token):
        raise InputError(f"{name} holds characters that no token has; give it the token alone.")
    return token


def _collect(
    client: "Client | None", items: Iterable["Item"], output: Path, time: "Period", limit: int | None, excel_safe: bool
) -> None:
    from scrapers.run import NothingCame, collect

    try:
        summary = collect(items, output, time, limit, excel_safe)
    except NothingCame as error:
        print(error.summary.table(output, client))
        raise
    print(summary.table(output, client))
    if summary.problems:
        if client:
            print("The same command asks again where a server failed; --retry-problems asks for all of them.")
        raise typer.Exit(1)


def _tell_count(counts: Sequence[int | None], seconds: float, what: str) -> None:
    """Of all counts together, `seconds` for each paper; None: the server does not tell."""
    if None in counts:
        print(f"The server does not tell how many {what} there are.")
        return
    papers = sum(counts)
    print(f"{papers:,} {what}; to read all takes about {papers * seconds / 60:,.0f} minutes.")
