"""The original project's crawl of Papers with Code, over the Wayback Machine's snapshots of it.

Categories lead to methods, methods to papers, papers to rows. A snapshot of a method holds the first page of its
papers only (the rest came by JavaScript), so one may also ask for every paper that there is a snapshot of.
"""

import json
import re
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import unquote_plus, urlencode, urlsplit

from scrapers.http.client import Client, Parsed, UnexpectedContentError
from scrapers.http.transport import FetchError
from scrapers.run import Expected, Item
from scrapers.schema import Problem
from scrapers.sources.pages import SITE, LayoutError, parse_links, parse_paper, path_of

HOSTS = {"web.archive.org"}
ARCHIVE = "https://web.archive.org"
# Of pages they allow eight a second, we take four; of listings 24 a minute.
PACE = 0.25
SLOWER = {"/cdx/": 10}
# A snapshot never changes, but more of them are found.
KEEP = None
KEEPS = {"*/cdx/*": timedelta(days=30)}
LISTING_ROWS = 10_000
# A listing takes a request for every 10,000 pages, and as many again for snapshots since LATE: 2 for the site's methods
# or categories, 2 x 58 for its 576,261 papers; at 2.5 seconds each, 5 seconds or 290. To look up one page takes one
# request, so that this is also how many pages are looked up rather than listed.
LISTING_REQUESTS = {"/methods": 2, "/methods/category/": 2, "/method/": 2, "/paper/": 116}
# Without urlkey, resume keys lack the page to go on from.
FIELDS = ["urlkey", "timestamp", "original"]
# Of a page, the first snapshot since then, else its first of all: later ones have more tasks, methods and datasets.
LATE = "2024"
NO_SNAPSHOT = "no snapshot"
# Problems that come from listings, and a part of the addresses of those.
LISTINGS = {NO_SNAPSHOT: "/cdx/"}
PAPER = re.compile(r"/paper/[^/]+")


class Step(NamedTuple):
    """From pages whose paths match `pages`, by the links that `selector` finds (the original's), to others."""

    pages: re.Pattern[str]
    listing: str
    selector: str
    links: str


STEPS = [
    Step(re.compile(r"/methods"), "/methods", ".card > a", "/methods/category/"),
    Step(re.compile(r"/methods/category/[^/]+"), "/methods/category/", ".method-image > a", "/method/"),
    Step(re.compile(r"/method/[^/]+"), "/method/", ".black-links > a", "/paper/"),
]


def crawl(
    client: Client, addresses: Sequence[str] | None, archive: str = ARCHIVE, robots: bool = True
) -> Iterator[Item]:
    """The papers among `addresses`, and those to which the categories and methods among them lead.

    None stands for every paper that there is a snapshot of. `robots` obeys robots.txt.
    """
    try:
        if robots:
            obey_robots(client, archive)
        if addresses is None:
            listed = snapshots(client, "/paper/", archive)
            papers = list(filter(PAPER.fullmatch, listed))
        else:
            papers = list(filter(PAPER.fullmatch, (yield from _follow_all(client, addresses, archive))))
            listed = _listed_if_many(client, "/paper/", papers, archive)
    except FetchError as error:
        yield Problem(archive, str(error), error.url)
        return
    yield Expected(len(papers))
    for path in papers:
        yield _read(client, path, listed, parse_paper, archive)


def obey_robots(client: Client, archive: str = ARCHIVE) -> None:
    """Raises FetchError if robots.txt asks us to stay away from pages or listings."""
    client.obey_robots(f"{archive}/web/", f"{archive}/cdx/")


def count(client: Client, archive: str = ARCHIVE, robots: bool = True) -> int:
    """How many papers there are snapshots of. Raises FetchError."""
    if robots:
        obey_robots(client, archive)
    return sum(bool(PAPER.fullmatch(path)) for path in snapshots(client, "/paper/", archive))


def snapshots(client: Client, prefix: str, archive: str = ARCHIVE) -> dict[str, str]:
    """For each path of the site that begins with `prefix`, the address of its snapshot. Raises FetchError.

    CDX, the Wayback Machine's index, gives rows of FIELDS, and after them an empty row and a resume key where there
    are more.
    """
    found = {}
    for since in ("", LATE):
        key, keys = "", set()
        while key or not keys:
            keys.add(key)
            query = {"collapse": "urlkey", "showResumeKey": "true"}
            query |= {"from": since} if since else {}
            query |= {"resumeKey": key} if key else {}
            first = not (since or key)
            rows, key = client.get(
                _cdx_url(archive, f"{prefix}*", **query),
                lambda body, keys=keys, first=first: _parse_next_listing(body, keys, first),
            )
            found |= _first_of_each(rows, archive)
    return found


def parse_listing(body: bytes) -> tuple[list[tuple[str, str]], str]:
    """Rows of (timestamp, address) without the header, and the resume key or ""."""
    try:
        rows = json.loads(body) if body.strip() else []
        key = ""
        if len(rows) >= 2 and rows[-2] == []:
            key = rows[-1][0] if rows[-1] else ""
            rows = rows[:-2]
        pairs = [(timestamp, original) for _, timestamp, original in rows[1:]]
        well_formed = isinstance(key, str) and all(re.fullmatch(r"\d{14} .+", " ".join(pair)) for pair in pairs)
        if not well_formed or (rows and rows[0] != FIELDS):
            raise TypeError
    except (ValueError, TypeError, IndexError, KeyError, RecursionError) as error:
        raise UnexpectedContentError("no list of snapshots where one was promised") from error
    # The key comes as it stands in an address.
    return pairs, unquote_plus(key)


def _cdx_url(archive: str, path: str, **query: Any) -> str:
    """Where CDX tells the snapshots of the page at `path`, or with a `*` at its end of all that begin so."""
    pages = {"url": f"{urlsplit(SITE).netloc}{path}", "output": "json", "filter": "statuscode:200"}
    rows = {"fl": ",".join(FIELDS), "limit": LISTING_ROWS}
    return f"{archive}/cdx/search/cdx?{urlencode(pages | rows | query)}"


def _first_of_each(rows: Sequence[tuple[str, str]], archive: str) -> dict[str, str]:
    """For each path, the address of the first of its snapshots. (CDX has those of a page in the order of time.)"""
    found = {}
    for timestamp, original in rows:
        if "?" not in original:
            found.setdefault(path_of(original), f"{archive}/web/{timestamp}id_/{original}")
    return found


def _parse_lookup(body: bytes, archive: str) -> dict[str, str]:
    """What a listing would have of one page, of all of its snapshots."""
    rows, _ = parse_listing(body)
    late = [row for row in rows if row[0] >= LATE]
    return _first_of_each(rows, archive) | _first_of_each(late, archive)


def _parse_next_listing(body: bytes, keys: Collection[str], first: bool) -> tuple[list[tuple[str, str]], str]:
    """An index in trouble may give none, or again the key that led here; believed, what follows would be missing."""
    pairs, key = parse_listing(body)
    if first and not pairs:
        raise UnexpectedContentError("an empty list of snapshots")
    if key and key in keys:
        raise UnexpectedContentError("a list of snapshots that goes in a circle")
    return pairs, key


def _follow_all(client: Client, addresses: Sequence[str], archive: str) -> Generator[Item, None, list[str]]:
    """Yields the problems on the way and returns the paths of all pages come to, each once."""
    paths = dict.fromkeys(map(path_of, addresses))
    kinds = [*(step.pages for step in STEPS), PAPER]
    for path in paths:
        if not any(kind.fullmatch(path) for kind in kinds):
            yield Problem(SITE + path, "neither a category, a method nor a paper")
    for step in STEPS:
        pages = [path for path in paths if step.pages.fullmatch(path)]
        if pages:
            paths |= dict.fromkeys((yield from _follow(client, step, pages, archive)))
    return list(paths)


def _follow(client: Client, step: Step, paths: list[str], archive: str) -> Generator[Item, None, list[str]]:
    """Yields the problems on the way and returns the paths that the pages link to."""
    listed = _listed_if_many(client, step.listing, paths, archive)
    found = []
    for path in paths:
        links = _read(client, path, listed, lambda body, *_: parse_links(body, step.selector, step.links), archive)
        if isinstance(links, Problem):
            yield links
        else:
            found += links
    return found


def _listed_if_many(client: Client, prefix: str, paths: Sequence[str], archive: str) -> dict[str, str] | None:
    """The listing that has `paths`; None where to look up each of them takes no longer. Raises FetchError."""
    return None if len(paths) <= LISTING_REQUESTS[prefix] else snapshots(client, prefix, archive)


def _read(
    client: Client,
    path: str,
    listed: Mapping[str, str] | None,
    parse: Callable[[bytes, str, str], Parsed],
    archive: str,
) -> Parsed | Problem:
    """What `parse` makes of a page's snapshot, its path and the time it was taken; looked up if `listed` is None."""
    asked = ""
    try:
        if listed is None:
            asked = _cdx_url(archive, path)
            listed = client.get(asked, lambda body: _parse_lookup(body, archive))
        if path not in listed:
            raise LayoutError(NO_SNAPSHOT)
        asked = listed[path]
        captured = asked.removeprefix(f"{archive}/web/")[:14]
        return parse(client.get(asked, bytes), path, captured)
    except (FetchError, LayoutError) as error:
        return Problem(SITE + path, str(error), asked)
