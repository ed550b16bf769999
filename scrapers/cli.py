"""The command line of the scrapers: one command for each source, and one that merges what they wrote."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from typer import Argument, Option

from paper_tasks.errors import InputError
from paper_tasks.options import with_options
from paper_tasks.paths import JSON_FILES
from scrapers.options import Cache, CrawlOptions, ExcelSafe, Output, PaperOptions, ServerOptions

if TYPE_CHECKING:
    from scrapers.http.client import Client
    from scrapers.run import Item

# Modules are imported where they are used: `--help` needs none of them.
app = typer.Typer(
    name="python -m scrapers",
    help="Collect papers into a CSV that `paper-tasks prepare` reads. The same command goes on where a run broke "
    "off. Exit code 1: some papers failed, the others are written; 2: nothing is written.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

# Typer's exit code at Ctrl-C.
INTERRUPTED = 130
FOLDER = Path("csv_files")


@app.command(epilog="Example: python -m scrapers archive --since 2020 --area Audio")
@with_options
def archive(
    dump: Annotated[
        list[Path] | None,
        Argument(help="Local files of the dump, .parquet or .json.gz.", show_default="fetch four .parquet"),
    ] = None,
    *,
    output: Output = FOLDER / "archive.csv",
    everything: Annotated[bool, Option("--everything", help="All papers, also those of other methods.")] = False,
    area: Annotated[
        list[str] | None,
        Option(help='Papers of methods of this area ("Audio") instead; repeatable.', show_default=False),
    ] = None,
    method: Annotated[
        list[str] | None, Option(help='Papers of this method ("ResNet") instead; repeatable.', show_default=False)
    ] = None,
    folder: Annotated[Path, Option(help="Where the fetched files go, 580 MB.")] = FOLDER / "archive",
    papers: PaperOptions,
    server: ServerOptions,
) -> None:
    """Papers with Code's last dump: 576,261 papers, with the tasks they had.

    Takes the papers of the methods that the original project crawled, unless an option says otherwise. It leaves
    advertisements out.
    """
    from scrapers.sources import archive as source
    from scrapers.sources.access import base_url_of
    from scrapers.sources.selection import Selection, original_selection, slug

    if everything and (area or method):
        raise InputError("Give either --everything, or --area and --method.")
    if everything or area or method:
        areas = frozenset(map(str.casefold, area or []))
        selection = Selection(frozenset(map(slug, method or [])), areas=areas)
    else:
        selection = original_selection()
    if papers.dry_run:
        absent = [] if dump else [name for name in source.SHARDS if not (folder / name).exists()]
        print(f"Files to fetch into {folder}: {', '.join(absent) or 'none'}.")
        return
    files = dump or source.fetch(folder, base_url_of(server, source.HUB), server.contact)
    _collect(None, source.papers(files, selection), output, papers)


@app.command(epilog="Example: python -m scrapers wayback https://paperswithcode.com/method/resnet --limit 100")
@with_options
def wayback(
    addresses: Annotated[
        list[str] | None,
        Argument(metavar="[ADDRESS]...", help="Pages of categories, methods or papers to start from instead."),
    ] = None,
    *,
    start: Annotated[
        Literal["site", "categories", "methods", "papers"],
        Option(help="The site's list of categories, the original's 34 categories or 698 methods, or every paper."),
    ] = "methods",
    output: Output = FOLDER / "wayback.csv",
    cache: Cache = FOLDER / "cache" / "wayback.sqlite",
    ignore_robots: Annotated[
        bool, Option("--ignore-robots", help="Do not ask robots.txt: only if the Internet Archive lets you.")
    ] = False,
    papers: PaperOptions,
    crawl: CrawlOptions,
) -> None:
    """The pages of Papers with Code, as the Wayback Machine keeps them.

    Up to a hundred papers come at 24 a minute. More come at 4 a second, after some minutes in which they are listed.
    """
    from scrapers.sources import wayback as source
    from scrapers.sources.access import base_url_of, open_client
    from scrapers.sources.pages import SITE

    base_url = base_url_of(crawl, source.ARCHIVE)
    pages: list[str] | None = addresses
    if not addresses and start == "site":
        pages = [f"{SITE}/methods"]
    elif not addresses and start != "papers":
        name = {"categories": "category_links.json", "methods": "method_links.json"}[start]
        pages = json.loads((JSON_FILES / name).read_text(encoding="utf-8"))
    with open_client(source, base_url, cache, output, papers, crawl) as client:
        if papers.dry_run:
            found = source.count(client, base_url, not ignore_robots)
            _print_count([found], source.PACE, "papers of the site have a snapshot")
        else:
            _collect(client, source.crawl(client, pages, base_url, not ignore_robots), output, papers)


@app.command(epilog="Example: python -m scrapers arxiv --category cs.CL --category cs.CV --since 2026-06")
@with_options
def arxiv(
    numbers: Annotated[
        list[str] | None, Argument(metavar="[NUMBER]...", help="arXiv numbers, such as 1706.03762, or addresses.")
    ] = None,
    *,
    category: Annotated[
        list[str] | None, Option(help="A category, such as cs.CL; repeatable; needs --since.", show_default=False)
    ] = None,
    oai: Annotated[bool, Option("--oai", help="Ask over OAI-PMH: faster for more than 10,000 papers.")] = False,
    output: Output = FOLDER / "arxiv.csv",
    cache: Cache = FOLDER / "cache" / "arxiv.sqlite",
    papers: PaperOptions,
    crawl: CrawlOptions,
) -> None:
    """New papers from arXiv, without tasks: one request every 3 seconds; answers are good for a day."""
    from scrapers.sources import arxiv as source
    from scrapers.sources.access import base_url_of, open_client

    if bool(numbers) == bool(category) or (category and not papers.since) or (numbers and oai):
        raise InputError("Give either arXiv numbers, or --category and --since (and perhaps --until and --oai).")
    categories = category or []
    # All of them before the first is asked for: a misspelt last one would cost the work on the others.
    for name in categories:
        source.check_category(name)
    base_url = base_url_of(crawl, source.OAI if oai else source.API)
    today = datetime.now(UTC).date()
    first, last = papers.period.since or source.FIRST_DAY, min(papers.period.until or today, today)
    with open_client(source, base_url, cache, output, papers, crawl) as client:
        if papers.dry_run:
            counts: list[int | None]
            if numbers:
                counts = [len(numbers)]
            elif oai:
                counts = [source.count_harvest(client, name, first, base_url) for name in categories]
            else:
                counts = [source.count(client, name, first, last, base_url) for name in categories]
            _print_count(counts, source.PACE / source.PAGE, "papers")
            return
        if numbers:
            items = source.by_number(client, numbers, base_url)
        elif oai:
            items = chain.from_iterable(source.harvest(client, name, first, base_url) for name in categories)
        else:
            items = chain.from_iterable(source.by_category(client, name, first, last, base_url) for name in categories)
        _collect(client, items, output, papers)


@app.command(epilog="Example: python -m scrapers openreview ICLR.cc/2023/Conference ICLR.cc/2024/Conference")
@with_options
def openreview(
    venues: Annotated[
        list[str], Argument(metavar="VENUE...", help="As in OpenReview's addresses: ICLR.cc/2024/Conference.")
    ],
    *,
    submitted: Annotated[bool, Option("--submitted", help="All submissions one may read, not only accepted.")] = False,
    output: Output = FOLDER / "openreview.csv",
    cache: Cache = FOLDER / "cache" / "openreview.sqlite",
    papers: PaperOptions,
    crawl: CrawlOptions,
) -> None:
    """The papers of venues, with the authors' keywords, without tasks: one request a second, 1,000 papers each.

    If OpenReview wants a login (HTTP 403), put the token of one into the environment variable OPENREVIEW_TOKEN.
    """
    from scrapers.sources import openreview as source
    from scrapers.sources.access import base_url_of, open_client

    base_url = base_url_of(crawl, source.API)
    with open_client(source, base_url, cache, output, papers, crawl) as client:
        if papers.dry_run:
            counts = [source.count(client, venue, submitted, base_url) for venue in venues]
            _print_count(counts, source.PACE / source.PAGE, "papers")
        else:
            items = chain.from_iterable(source.papers(client, venue, submitted, base_url) for venue in venues)
            _collect(client, items, output, papers)


@app.command(epilog="Example: python -m scrapers merge csv_files/archive.csv csv_files/wayback.csv")
def merge(
    sources: Annotated[
        list[Path], Argument(metavar="CSV...", help="CSVs of the scrapers, or of the original project.")
    ],
    output: Output = FOLDER / "papers.csv",
    excel_safe: ExcelSafe = False,
) -> None:
    """Join CSVs, each paper once: by its arXiv number, else by its title. The richest of each field is kept."""
    from scrapers.merge import merge as merge_files

    rows, papers = merge_files(sources, output, excel_safe)
    print(f"{rows:,} rows are {papers:,} papers in {output}.")


def main() -> None:
    """Runs the command that the arguments name; an error of the input gives one sentence and exit code 2."""
    try:
        app()
    except (InputError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except UnicodeEncodeError:
        print("error: The arguments hold bytes that are not UTF-8; correct what you typed.", file=sys.stderr)
        sys.exit(2)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            print("Interrupted; the same command goes on where it was.", file=sys.stderr)
        raise


def _collect(client: "Client | None", items: Iterable["Item"], output: Path, papers: PaperOptions) -> None:
    from scrapers.run import NothingCame, collect

    try:
        summary = collect(items, output, papers.period, papers.limit, papers.excel_safe)
    except NothingCame as error:
        print(error.summary.table(output, client))
        raise
    print(summary.table(output, client))
    if summary.problems:
        if client:
            print("The same command asks again where a server failed; --retry-problems asks for all of them.")
        raise typer.Exit(1)


def _print_count(counts: Sequence[int | None], seconds: float, what: str) -> None:
    """Prints the sum of all counts, and the time at `seconds` a paper; a count is None if the server gives none."""
    known = [count for count in counts if count is not None]
    if len(known) < len(counts):
        print(f"The server does not say how many {what} there are.")
        return
    papers = sum(known)
    print(f"{papers:,} {what}; to read all takes about {papers * seconds / 60:,.0f} minutes.")
