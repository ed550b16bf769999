"""The original project's crawl of Papers with Code, over the Wayback Machine's snapshots of the site.

Categories lead to methods, methods to papers, papers to rows. A snapshot of a method has only the first page of its
papers, for the rest came by JavaScript. Therefore one may also ask for every paper that has a snapshot.
"""

import json
import re
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import unquote_plus, urlencode, urlsplit

from scrapers.http.client import Client, Parsed, UnexpectedContentError
from scrapers.http.transport import FetchError
from scrapers.run import Expected, Item
from scrapers.schema import Problem
from scrapers.sources.pages import SITE, LayoutError, parse_links, parse_paper, path_of

HOSTS = {"web.archive.org"}
ARCHIVE = "https://web.archive.org"
# The archive allows eight pages a second; this asks for four, and for 24 listings a minute.
PACE = 0.25
SLOWER = {"/cdx/": 10}
# A snapshot never changes, but new ones come into the listings.
KEEP = None
KEEPS = {"*/cdx/*": timedelta(days=30)}
LISTING_ROWS = 10_000
# Requests that a listing takes: one for every 10,000 pages, and as many again for snapshots since LATE. That is 2 for
# the site's methods or categories and 2 x 58 for its 576,261 papers, in 5 and in 290 seconds. Looking up a page takes
# one request, so that fewer pages than this are looked up one by one.
LISTING_REQUESTS = {"/methods": 2, "/methods/category/": 2, "/method/": 2, "/paper/": 116}
# Without urlkey, a resume key does not say from which page to go on.
FIELDS = ["urlkey", "timestamp", "original"]
# Later snapshots have more tasks, methods and datasets: a page's first snapshot since then counts, else its first.
LATE = "2024"
NO_SNAPSHOT = "no snapshot"
# Problems that come from a listing, and a part of the listing's address.
LISTINGS = {NO_SNAPSHOT: "/cdx/"}
PAPER = re.compile(r"/paper/[^/]+")


class Step(NamedTuple):
    """From pages whose paths match `pages` to others, by the links that the original's `selector` finds."""

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

    None means every paper that has a snapshot. `robots` obeys robots.txt.
    """
    listed: Mapping[str, str] | None
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
    """Raises FetchError if robots.txt forbids pages or listings."""
    client.obey_robots(f"{archive}/web/", f"{archive}/cdx/")


def count(client: Client, archive: str = ARCHIVE, robots: bool = True) -> int:
    """How many papers have a snapshot. Raises FetchError."""
    if robots:
        obey_robots(client, archive)
    return sum(bool(PAPER.fullmatch(path)) for path in snapshots(client, "/paper/", archive))


def snapshots(client: Client, prefix: str, archive: str = ARCHIVE) -> dict[str, str]:
    """For each path of the site that begins with `prefix`, the address of its snapshot. Raises FetchError.

    CDX, the Wayback Machine's index, gives rows of FIELDS. If there are more, an empty row and a resume key follow.
    """
    found: dict[str, str] = {}
    for since in ("", LATE):
        key, keys = "", set[str]()
        while key or not keys:
            keys.add(key)
            query = {"collapse": "urlkey", "showResumeKey": "true"}
            query |= {"from": since} if since else {}
            query |= {"resumeKey": key} if key else {}
            parse = partial(_parse_next_listing, keys=keys, first=not (since or key))
            rows, key = client.get(_cdx_url(archive, f"{prefix}*", **query), parse)
            found |= _first_of_each(rows, archive)
    return found


def parse_listing(body: bytes) -> tuple[list[tuple[str, str]], str]:
    """The rows of a listing as (timestamp, address), without the header; and the resume key, or ""."""
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
    # The key is quoted as in an address.
    return pairs, unquote_plus(key)


def _cdx_url(archive: str, path: str, **query: Any) -> str:
    """The address of CDX's list of snapshots of the page at `path`; with `*` at its end, of all that begin so."""
    pages = {"url": f"{urlsplit(SITE).netloc}{path}", "output": "json", "filter": "statuscode:200"}
    rows = {"fl": ",".join(FIELDS), "limit": LISTING_ROWS}
    return f"{archive}/cdx/search/cdx?{urlencode(pages | rows | query)}"


def _first_of_each(rows: Sequence[tuple[str, str]], archive: str) -> dict[str, str]:
    """For each path, the address of its first snapshot. (CDX lists the snapshots of a page in order of time.)"""
    found: dict[str, str] = {}
    for timestamp, original in rows:
        if "?" not in original:
            found.setdefault(path_of(original), f"{archive}/web/{timestamp}id_/{original}")
    return found


def _parse_lookup(body: bytes, archive: str) -> dict[str, str]:
    """What a listing would say of one page, from the list of all its snapshots."""
    rows, _ = parse_listing(body)
    late = [row for row in rows if row[0] >= LATE]
    return _first_of_each(rows, archive) | _first_of_each(late, archive)


def _parse_next_listing(body: bytes, keys: Collection[str], first: bool) -> tuple[list[tuple[str, str]], str]:
    """Refuses what an index in trouble sends: no row at all, or a key that came before. The rest would be missing."""
    pairs, key = parse_listing(body)
    if first and not pairs:
        raise UnexpectedContentError("an empty list of snapshots")
    if key and key in keys:
        raise UnexpectedContentError("a list of snapshots that goes in a circle")
    return pairs, key


def _follow_all(client: Client, addresses: Sequence[str], archive: str) -> Generator[Item, None, list[str]]:
    """Yields the problems on the way, and returns the paths of all pages that are reached, each once."""
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
    """Yields the problems on the way, and returns the paths that the pages link to."""
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
    """The listing that has `paths`; None if looking each of them up takes no longer. Raises FetchError."""
    return None if len(paths) <= LISTING_REQUESTS[prefix] else snapshots(client, prefix, archive)


def _read(
    client: Client,
    path: str,
    listed: Mapping[str, str] | None,
    parse: Callable[[bytes, str, str], Parsed],
    archive: str,
) -> Parsed | Problem:
    """What `parse` makes of a page's snapshot, its path and its time; looked up if `listed` is None."""
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
