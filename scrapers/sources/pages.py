"""Reads the pages of Papers with Code, in the layouts that they had from 2019 to the end in July 2025."""

from contextlib import suppress
from datetime import datetime
from urllib.parse import urljoin, urlsplit

from bs4 import BeautifulSoup, ParserRejectedMarkup, SoupStrainer, Tag

from paper_tasks.io.arxiv import arxiv_number
from paper_tasks.io.cells import one_line
from scrapers.schema import Paper

SITE = "https://paperswithcode.com"
HOSTS = {"paperswithcode.com", "www.paperswithcode.com"}
# Methods came to the site in June 2020 and datasets in February 2021; every later page has both sections.
SECTIONS_SINCE = "202107"
PAPER_PARTS = ["paper-title", "paper-abstract", "paper-tasks", "paper-datasets", "method-section"]


class LayoutError(Exception):
    """A page lacks a part; the text is a clause that names the part."""


def parse_paper(body: bytes, path: str, captured: str) -> Paper:
    """The paper of the page at `path`, as it was on `captured` (YYYYMMDDhhmmss). Raises LayoutError."""
    # Parsing only these parts takes a fifth of the time.
    page = _parsed(body, parse_only=SoupStrainer(class_=PAPER_PARTS))
    abstract = _part(page, "abstract", ".paper-abstract")
    tasks = _links(_part(page, "tasks section", ".paper-tasks"), "/task/")
    datasets, methods = {}, {}
    if captured >= SECTIONS_SINCE or page.select_one(".paper-datasets"):
        # A paper without datasets has a link "Add Datasets", which leads elsewhere.
        datasets = _links(_part(page, "datasets section", ".paper-datasets"), "/dataset/")
    if captured >= SECTIONS_SINCE or page.select_one(".method-section"):
        methods = _links(_part(page, "methods section", ".method-section"), "/method/")
    abstract_links = (str(link["href"]) for link in abstract.select("a[href]"))
    return Paper(
        URLs=SITE + path,
        title=_text(page, "title", ".paper-title h1"),
        abstract=_text(page, "abstract", ".paper-abstract p"),
        datasets_used=list(datasets.values()),
        dataset_links=list(datasets),
        methods=list(methods.values()),
        tasks=list(tasks.values()),
        arxiv_id=next((arxiv_number(link) for link in abstract_links if "arxiv.org/" in link), ""),
        date=_date(page),
        venue=one_line(venue.get_text()) if (venue := page.select_one(".item-conference-link")) else "",
        source="papers with code, wayback machine",
    )


def parse_links(body: bytes, selector: str, prefix: str) -> list[str]:
    """The paths of the links that `selector` finds to `prefix`, each once. Raises LayoutError for none."""
    page = _parsed(body)
    paths = [path_of(_address(link)) for link in page.select(selector)]
    found = list(dict.fromkeys(path for path in paths if path.startswith(prefix) and path != prefix))
    if not found:
        raise LayoutError(f"the page has no links to {prefix}... ({selector})")
    return found


def path_of(address: str) -> str:
    """The path of a page of the site, without a slash at its end; "" for an address of another site."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return parts.path.rstrip("/") if parts.hostname in HOSTS else ""


def _parsed(body: bytes, parse_only: SoupStrainer | None = None) -> BeautifulSoup:
    try:
        return BeautifulSoup(_decoded(body), "html.parser", parse_only=parse_only)
    except ParserRejectedMarkup as error:
        raise LayoutError("the page cannot be parsed") from error


def _decoded(body: bytes) -> str:
    """The text of a page. The site always wrote UTF-8, whatever a header or a meta element says."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise LayoutError("the page is not in UTF-8") from error
    # If a server does not send a page's length, nothing else shows that the rest is missing.
    if "</html>" not in text[-1000:].lower():
        raise LayoutError("the page breaks off (no </html>)")
    return text


def _part(page: BeautifulSoup, name: str, selector: str) -> Tag:
    part = page.select_one(selector)
    if part is None:
        raise LayoutError(f"the page has no {name} ({selector})")
    return part


def _text(page: BeautifulSoup, name: str, selector: str) -> str:
    text = one_line(_part(page, name, selector).get_text())
    if not text:
        raise LayoutError(f"the page has an empty {name} ({selector})")
    return text


def _links(section: Tag, prefix: str) -> dict[str, str]:
    """The section's links to `prefix`: address to text."""
    links = [(_address(link), one_line(link.get_text())) for link in section.select("a[href]")]
    # A picture beside the name may have the same link, without a text.
    return {address: text for address, text in links if text and path_of(address).startswith(prefix)}


def _address(link: Tag) -> str:
    try:
        return urljoin(SITE, str(link.get("href", "")))
    except ValueError:
        return ""


def _date(page: BeautifulSoup) -> str:
    for span in page.select(".authors .author-span"):
        # Authors stand there, too, and dates such as 31 Feb.
        with suppress(ValueError):
            return datetime.strptime(one_line(span.get_text()), "%d %b %Y").strftime("%Y-%m-%d")
    return ""
