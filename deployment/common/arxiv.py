"""A paper's title and abstract by its arXiv id, from arXiv's API (metadata CC0) and from nowhere else."""

import re
import threading
import time
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError

import defusedxml
import httpx
from defusedxml import ElementTree

API = "https://export.arxiv.org/api/query"
# arXiv's terms of use: one request in three seconds, over one connection.
PACE = 3.0
# Seconds that a person waits: for their turn, for arXiv to say something, for all of what it says.
QUEUE, SILENCE, DEADLINE = 15.0, 8.0, 12.0
# An entry of the feed is a few kB.
MOST_BYTES = 200_000

# New since 2007 ("2401.01234"), old before ("hep-th/9901001", "math.GT/0309136"); any version of them.
_ID = r"(?P<id>[0-9]{4}\.[0-9]{4,5}|[a-z]+(?:-[a-z]+)?(?:\.[A-Z]{2})?/[0-9]{7})(?:v[0-9]{1,3})?"
_LINK = r"(?:https?://)?(?:(?:www\.|export\.)?arxiv\.org/(?:abs|pdf|html)/|doi\.org/10\.48550/arxiv\.)"
# As a link, or as arXiv itself cites a paper: with its category behind it.
_INPUT = re.compile(rf"(?:arxiv:\s?|{_LINK})?{_ID}(?:\.pdf)?/?(?:[?#].*|\s\[[a-z.-]+\])?", re.IGNORECASE | re.ASCII)
_ATOM = "{http://www.w3.org/2005/Atom}"


class ArxivError(Exception):
    """No paper, told in one sentence: what is wrong, and what to do."""


class Paper(NamedTuple):
    """What arXiv tells of a paper, on one line each."""

    title: str
    abstract: str


def arxiv_id(text: str) -> str:
    """The id in an id, a link to arxiv.org or a DOI's, without its version. Raises ArxivError for anything else."""
    match = _INPUT.fullmatch(text.strip()) if len(text) <= 200 else None
    if match is None:
        raise ArxivError(
            "This is no arXiv id or link: give one like 2401.01234, hep-th/9901001 or https://arxiv.org/abs/2401.01234."
        )
    return match["id"]


class Arxiv:
    """arXiv's API, asked by all users of this process one after the other, `pace` seconds apart."""

    def __init__(self, api: str = API, pace: float = PACE) -> None:
        self._api, self._pace = api, pace
        self._turn, self._next = threading.Lock(), 0.0
        # Uncompressed, for a few bytes can become a great many.
        headers = {"User-Agent": "from-paper-with-tasks", "Accept-Encoding": "identity"}
        self._client = httpx.Client(headers=headers, timeout=SILENCE, follow_redirects=False)

    def paper(self, text: str) -> Paper:
        """The paper of an id or link. Raises ArxivError if it is none, arXiv has no such paper, or does not answer."""
        number = arxiv_id(text)
        if not self._turn.acquire(timeout=QUEUE):
            raise ArxivError("Many people ask arXiv through this page right now; try again in a minute.")
        try:
            time.sleep(max(0.0, self._next - time.monotonic()))
            try:
                return _parse(self._fetch(number), number)
            finally:
                self._next = time.monotonic() + self._pace
        finally:
            self._turn.release()

    def _fetch(self, number: str) -> bytes:
        deadline, body = time.monotonic() + DEADLINE, bytearray()
        try:
            with self._client.stream("GET", self._api, params={"id_list": number, "max_results": 1}) as answer:
                if answer.status_code != 200:
                    raise _unreachable(f"it answered with status {answer.status_code}")
                for chunk in answer.iter_raw():
                    body += chunk
                    if len(body) > MOST_BYTES:
                        raise _unreachable("its answer is far too long")
                    if time.monotonic() > deadline:
                        raise _unreachable("it answers too slowly")
        except httpx.TimeoutException as error:
            raise _unreachable("it does not answer in time") from error
        except httpx.HTTPError as error:
            raise _unreachable("there is no connection to it") from error
        return bytes(body)


def _parse(body: bytes, number: str) -> Paper:
    try:
        feed = ElementTree.fromstring(body, forbid_dtd=True)
    except (ParseError, defusedxml.DefusedXmlException, LookupError, ValueError) as error:
        raise _unreachable("its answer cannot be read") from error
    if feed.tag != f"{_ATOM}feed":
        raise _unreachable("its answer cannot be read")
    entry = feed.find(f"{_ATOM}entry")
    # arXiv tells of errors in an entry too, and of a paper it does not have by none.
    if entry is None or not _is_of(entry, number):
        raise ArxivError(f"arXiv has no paper {number}.")
    paper = Paper(*(" ".join(entry.findtext(f"{_ATOM}{name}", "").split()) for name in ("title", "summary")))
    if not paper.title or not paper.abstract:
        raise _unreachable("its answer lacks the title or the abstract")
    return paper


def _is_of(entry: Element, number: str) -> bool:
    try:
        told = arxiv_id(entry.findtext(f"{_ATOM}id", ""))
    except ArxivError:
        return False
    # arXiv tells of math.GT/0309136 as math/0309136.
    return len({re.sub(r"\.[a-z]+/", "/", id.lower()) for id in (told, number)}) == 1


def _unreachable(reason: str) -> ArxivError:
    return ArxivError(f"arXiv cannot be asked now, for {reason}; paste title and abstract, or try again later.")
