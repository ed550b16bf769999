"""New papers from arXiv (metadata CC0), by category and date or by number, from the Atom API or over OAI-PMH.

Both get one request in three seconds over one connection, as arXiv's terms of use ask for.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple
from urllib.parse import urlencode
from xml.etree.ElementTree import Element

from paper_tasks.errors import InputError
from paper_tasks.io.arxiv import FeedError, arxiv_number, parse_feed, parse_xml
from paper_tasks.io.cells import one_line
from scrapers.http.client import Client, UnexpectedContentError
from scrapers.http.transport import FetchError
from scrapers.run import Expected, Item
from scrapers.schema import Paper, Problem, fetched_from

HOSTS = {"arxiv.org"}
HOME = "https://arxiv.org"
API = "https://export.arxiv.org/api/query"
OAI = "https://oaipmh.arxiv.org/oai"
PACE = 3.0
# Listings change daily, and so do OAI's tokens.
KEEP = timedelta(days=1)
PAGE = 500
# The API gives at most this many papers of one query.
MOST = 30_000
FIRST_DAY = date(1991, 8, 1)
# Over OAI-PMH no paper has an earlier date, and the server refuses a request with an earlier one.
FIRST_OAI_DAY = date(2005, 9, 16)

OAI_NAMES = {"o": "http://www.openarchives.org/OAI/2.0/", "x": "http://arxiv.org/OAI/arXiv/"}
CATEGORY = re.compile(r"[a-z-]+(\.[A-Za-z-]+)?")
# Over OAI-PMH these archives are sets within physics; all others are groups of their own.
PHYSICS = {
    *("astro-ph", "cond-mat", "gr-qc", "hep-ex", "hep-lat", "hep-ph", "hep-th"),
    *("math-ph", "nlin", "nucl-ex", "nucl-th", "physics", "quant-ph"),
}


class OaiPage(NamedTuple):
    """The answer to ListRecords; `token` leads to the next page, if any. `total` is None if the server gives none."""

    items: list[Paper | Problem]
    token: str = ""
    total: int | None = None
    expired: bool = False


def by_category(client: Client, category: str, since: date, until: date, api: str = API) -> Iterator[Item]:
    """Papers of a category ("cs.CL") first posted from `since` to `until`, oldest first, month by month.

    A Problem if there are none.
    """
    url, nothing = HOME, True
    for query in _queries(category, since, until):
        url = _page_url(api, query, 0)
        for item in _pages(client, api, query):
            nothing = False
            yield item
    if nothing:
        yield _no_papers(category, url)


def count(client: Client, category: str, since: date, until: date, api: str = API) -> int:
    """How many papers `by_category` would give. It asks for one page a month. Raises FetchError."""
    return sum(client.get(_page_url(api, query, 0), parse_atom)[1] for query in _queries(category, since, until))


def by_number(client: Client, numbers: Sequence[str], api: str = API) -> Iterator[Item]:
    """The papers with these arXiv numbers, in their order; a Problem for each number that gives no paper."""
    ids = [arxiv_number(number) for number in numbers]
    yield from (
        Problem(number, f"'{number}' is not an arXiv number; one looks like 2401.01234 or cs/0112017")
        for number, id in zip(numbers, ids, strict=True)
        if not id
    )
    ids = list(filter(None, ids))
    yield Expected(len(ids))
    for start in range(0, len(ids), 100):
        yield from _by_number(client, ids[start : start + 100], api)


def harvest(client: Client, category: str, since: date, oai: str = OAI) -> Iterator[Item]:
    """Papers of a category that were posted or changed on `since` or later, over OAI-PMH: better for many papers.

    A Problem if there are none.
    """
    first_url = f"{oai}?{urlencode(_first_request(category, since))}"
    url, ask_again = first_url, False
    while url:
        try:
            page = client.get(url, parse_oai, ask_again)
        except FetchError as error:
            yield Problem(url, str(error))
            return
        if page.expired:
            if ask_again:
                yield Problem(url, "the server does not know its own resumption token")
                return
            # A token of yesterday: start again; papers that came before are left out.
            url, ask_again = first_url, True
            continue
        if url == first_url and not ask_again:
            yield Expected(page.total or 0)
            if page.total == 0:
                yield _no_papers(category, url)
        yield from fetched_from(page.items, url)
        url = f"{oai}?{urlencode({'verb': 'ListRecords', 'resumptionToken': page.token})}" if page.token else ""


def count_harvest(client: Client, category: str, since: date, oai: str = OAI) -> int | None:
    """How many papers `harvest` would give, None if the server does not say. Raises FetchError."""
    return client.get(f"{oai}?{urlencode(_first_request(category, since))}", parse_oai).total


def oai_set(category: str) -> str:
    """The set of a category: "cs" for cs, "cs:cs:CL" for cs.CL, "physics:hep-th" for hep-th. Raises InputError."""
    check_category(category)
    archive, _, subject = category.partition(".")
    group = "physics" if archive in PHYSICS else archive
    if subject:
        return f"{group}:{archive}:{subject}"
    return archive if group == archive else f"{group}:{archive}"


def check_category(category: str) -> None:
    """Raises InputError for a text that cannot be a category."""
    if not CATEGORY.fullmatch(category):
        raise InputError(f"'{category}' is not an arXiv category; write one like cs.CL.")


def months(since: date, until: date) -> Iterator[tuple[date, date]]:
    """First and last days, both included, of the months from `since` to `until`."""
    first = max(since, FIRST_DAY)
    while first <= until:
        next_month = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        yield first, min(until, next_month - timedelta(days=1))
        first = next_month


def parse_atom(body: bytes) -> tuple[list[Paper | Problem], int]:
    """The papers on a page of the API, and how many papers the query has on all pages."""
    try:
        feed = parse_feed(body)
    except FeedError as error:
        raise UnexpectedContentError(str(error)) from error
    if feed.error:
        raise UnexpectedContentError(f"arXiv says: {feed.error}")
    if feed.total is None:
        raise UnexpectedContentError("a feed without totalResults")
    items = [
        _paper(entry.address, entry.title, entry.abstract, entry.published, entry.journal) for entry in feed.entries
    ]
    return items, feed.total


def parse_oai(body: bytes) -> OaiPage:
    """A page of ListRecords. Raises FetchError if the request is wrong: asking again is of no use."""
    try:
        root = parse_xml(body, f"{{{OAI_NAMES['o']}}}OAI-PMH")
    except FeedError as error:
        raise UnexpectedContentError(str(error)) from error
    refusal = root.find("o:error", OAI_NAMES)
    if refusal is not None:
        if refusal.get("code") == "noRecordsMatch":
            return OaiPage([], total=0)
        if refusal.get("code") == "badResumptionToken":
            return OaiPage([], expired=True)
        said = f"arXiv says: {refusal.get('code')}, {one_line(refusal.text).rstrip('.')}"
        raise FetchError(said) if refusal.get("code") == "badArgument" else UnexpectedContentError(said)
    records = root.find("o:ListRecords", OAI_NAMES)
    if records is None:
        raise UnexpectedContentError("an answer without ListRecords")
    items = [
        _of_record(record)
        for record in records.iterfind("o:record", OAI_NAMES)
        if record.find("o:header[@status='deleted']", OAI_NAMES) is None
    ]
    token = records.find("o:resumptionToken", OAI_NAMES)
    if token is None:
        return OaiPage(items, total=len(items))
    size = token.get("completeListSize", "")
    return OaiPage(items, one_line(token.text), total=int(size) if size.isdecimal() else None)


def _by_number(client: Client, ids: Sequence[str], api: str) -> Iterator[Paper | Problem]:
    url = _page_url(api, {"id_list": ",".join(ids)}, 0)
    try:
        papers, _ = client.get(url, parse_atom)
    except FetchError as error:
        if error.status == 400 and len(ids) > 1:
            # One number that arXiv cannot read makes the whole request fail.
            yield from _by_number(client, ids[: len(ids) // 2], api)
            yield from _by_number(client, ids[len(ids) // 2 :], api)
        else:
            yield from (Problem(_address(id), str(error), url) for id in ids)
        return
    found = {
        arxiv_number(item.URLs if isinstance(item, Paper) else item.url): item for item in fetched_from(papers, url)
    }
    yield from (found.get(id, Problem(_address(id), "arXiv does not have it", url)) for id in ids)


def _first_request(category: str, since: date) -> dict[str, str]:
    first = max(since, FIRST_OAI_DAY).isoformat()
    return {"verb": "ListRecords", "metadataPrefix": "arXiv", "set": oai_set(category), "from": first}


def _queries(category: str, since: date, until: date) -> Iterator[dict[str, str]]:
    check_category(category)
    for first, last in months(since, until):
        days = f"[{first:%Y%m%d}0000 TO {last:%Y%m%d}2359]"
        query = f"cat:{category} AND submittedDate:{days}"
        yield {"search_query": query, "sortBy": "submittedDate", "sortOrder": "ascending"}


def _page_url(api: str, query: dict[str, str], start: int) -> str:
    return f"{api}?{urlencode(query | {'start': start, 'max_results': PAGE})}"


def _pages(client: Client, api: str, query: dict[str, str]) -> Iterator[Item]:
    start, total = 0, 1
    while start < total:
        url = _page_url(api, query, start)
        if start + PAGE > MOST:
            yield Problem(url, f"{total:,} papers in a month, but the API gives {MOST:,}; --oai gives all")
            return
        page = _Page(start)
        try:
            papers, total = client.get(url, page.parse)
        except FetchError as error:
            # Some pages never come, or never come whole, though pages after them do.
            papers, reason = page.papers, f"{error}, for a page of up to {PAGE:,} papers"
            if page.size:
                total = page.total
                reason = f"{page.size - len(papers):,} of {page.size:,} papers did not come"
            yield Problem(url, reason)
        if papers and start == 0:
            yield Expected(total)
        yield from fetched_from(papers, url)
        start += PAGE


class _Page:
    """A page of the API. It keeps the fullest answer, for the API sends empty or short pages now and then."""

    def __init__(self, start: int) -> None:
        self.start, self.total, self.size = start, 0, 0
        self.papers: list[Paper | Problem] = []

    def parse(self, body: bytes) -> tuple[list[Paper | Problem], int]:
        papers, total = parse_atom(body)
        size = min(PAGE, total - self.start)
        if len(papers) >= size:
            return papers, total
        if len(papers) >= len(self.papers):
            self.papers, self.total, self.size = papers, total, size
        raise UnexpectedContentError(f"{len(papers)} papers on a page where {size} should be")


def _of_record(record: Element) -> Paper | Problem:
    fields = record.find("o:metadata/x:arXiv", OAI_NAMES)
    if fields is None:
        return Problem(record.findtext("o:header/o:identifier", "", OAI_NAMES), "a record without arXiv metadata")
    return _paper(
        *(fields.findtext(f"x:{name}", "", OAI_NAMES) for name in ("id", "title", "abstract", "created", "journal-ref"))
    )


def _paper(address: str, title: str, abstract: str, posted: str, venue: str) -> Paper | Problem:
    number = arxiv_number(address)
    parts = {"number": number, "title": one_line(title), "abstract": one_line(abstract), "date": posted.strip()[:10]}
    missing = [name for name, part in parts.items() if not part]
    if missing:
        return Problem(_address(number) if number else address or HOME, f"a paper without {' and '.join(missing)}")
    return Paper(
        URLs=_address(number),
        title=parts["title"],
        abstract=parts["abstract"],
        arxiv_id=number,
        date=parts["date"],
        venue=one_line(venue),
        source="arxiv",
    )


def _no_papers(category: str, url: str) -> Problem:
    return Problem(url, f"arXiv has no papers of '{category}' from that time; a category looks like cs.CL")


def _address(number: str) -> str:
    return f"{HOME}/abs/{number}"
