"""arXiv's numbers, and the XML of its answers. The clients are in deployment/common and scrapers/sources."""

import re
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError

from paper_tasks.io.cells import one_line

# "2401.01234" since 2007, "hep-th/9901001" before; perhaps with a subject ("math.GT/0309136"), which arXiv itself
# leaves out, and with a version. The digits begin with the year and the month.
_NUMBER = (
    r"(?:(?P<new>[0-9]{2}(?:0[1-9]|1[0-2])\.[0-9]{4,5})"
    r"|(?P<archive>[a-z]+(?:-[a-z]+)?)(?:\.[a-z]{2})?(?P<old>/[0-9]{2}(?:0[1-9]|1[0-2])[0-9]{3}))(?:v[0-9]{1,3})?"
)
# Pages and files at arXiv and its mirrors, and the DOI that arXiv gives a paper.
_LINK = (
    r"(?:https?://)?(?:(?:[a-z0-9-]+\.)?arxiv\.org/(?:abs|pdf|html|ps|format|e-print|src|ftp/\S+)/"
    r"|(?:(?:dx\.)?doi\.org/|doi:\s?)?10\.48550/arxiv\.)"
)
# arXiv itself cites a paper with its category: arXiv:2401.01234v1 [cs.CL].
_PAPER = re.compile(rf"(?:arxiv:\s?|{_LINK})?{_NUMBER}(?:\.pdf)?/?(?:[?#].*|\s\[[a-z.-]+\])?", re.IGNORECASE | re.ASCII)
_NAMES = {
    "atom": "http://www.w3.org/2005/Atom",
    "search": "http://a9.com/-/spec/opensearch/1.1/",
    "arxiv": "http://arxiv.org/schemas/atom",
}


class FeedError(ValueError):
    """An answer that is not the promised XML; a clause that says why."""


class Entry(NamedTuple):
    """A paper of the API; texts on one line each, "" for what it lacks. `number` is "" if `address` has none."""

    number: str
    address: str
    title: str
    abstract: str
    published: str
    journal: str


class Feed(NamedTuple):
    """A page of the API. `total` counts the papers of the query on all pages; None where the answer lacks it.

    `error` is what arXiv says of a wrong request; the list is then empty.
    """

    entries: list[Entry]
    total: int | None
    error: str = ""


def arxiv_number(text: str) -> str:
    """The number in a number, in arXiv's citation or link of a paper, or in its DOI; "" for any other text.

    Version and subject are left out: "math.GT/0309136v2" gives "math/0309136".
    """
    match = _PAPER.fullmatch(text.strip())
    if match is None:
        return ""
    return match["new"] or match["archive"].lower() + match["old"]


def parse_feed(body: bytes) -> Feed:
    """An answer of the Atom API. Raises FeedError if it is another answer."""
    feed = parse_xml(body, f"{{{_NAMES['atom']}}}feed")
    entries = [
        Entry(
            arxiv_number(_text(entry, "atom:id")),
            _text(entry, "atom:id"),
            _text(entry, "atom:title"),
            _text(entry, "atom:summary"),
            _text(entry, "atom:published"),
            _text(entry, "arxiv:journal_ref"),
        )
        for entry in feed.findall("atom:entry", _NAMES)
    ]
    total = _text(feed, "search:totalResults")
    if entries and "/api/errors" in entries[0].address:
        return Feed([], 0, entries[0].abstract)
    return Feed(entries, int(total) if total.isdecimal() else None)


def parse_xml(body: bytes, root: str) -> Element:
    """The root of a document, which must have this tag. Raises FeedError for any other.

    A document type is refused: it could define entities that fill the memory.
    """
    # Only those who ask arXiv have this package: the app and the scrapers.
    import defusedxml
    from defusedxml import ElementTree

    try:
        found: Element = ElementTree.fromstring(body, forbid_dtd=True)
    except defusedxml.DefusedXmlException as error:
        raise FeedError("a web page where XML was promised") from error
    except (ParseError, LookupError, ValueError) as error:
        raise FeedError(f"XML that cannot be read ({error})") from error
    if found.tag != root:
        raise FeedError(f"<{_local(found.tag)}> where <{_local(root)}> was promised")
    return found


def _text(element: Element, path: str) -> str:
    return one_line(element.findtext(path, "", _NAMES))


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
