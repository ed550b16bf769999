"""The title and abstract of a paper by its arXiv id, from arXiv's API alone (metadata CC0)."""

import threading
import time
from typing import NamedTuple

import httpx

from paper_tasks.io.arxiv import FeedError, arxiv_number, parse_feed

API = "https://export.arxiv.org/api/query"
# Seconds between two requests, over one connection, as arXiv's terms of use ask.
PACE = 3.0
# Seconds that a person waits: for their turn, for the next bytes from arXiv, and for its whole answer.
QUEUE, SILENCE, DEADLINE = 15.0, 8.0, 12.0
# An answer about one paper has a few kB.
MOST_BYTES = 200_000
# Longer than any link to a paper.
MOST_CHARACTERS = 200


class ArxivError(Exception):
    """There is no paper: one sentence that says what is wrong, and what to do."""


class Paper(NamedTuple):
    """A paper on arXiv; each text is one line."""

    title: str
    abstract: str


class Arxiv:
    """A client of arXiv's API that the users of this process share. It asks every `pace` seconds at most."""

    def __init__(self, api: str = API, pace: float = PACE) -> None:
        self._api, self._pace = api, pace
        self._turn, self._next = threading.Lock(), 0.0
        # Not compressed: a few bytes could become very many.
        headers = {"User-Agent": "from-paper-with-tasks", "Accept-Encoding": "identity"}
        self._client = httpx.Client(headers=headers, timeout=SILENCE, follow_redirects=False)

    def paper(self, text: str) -> Paper:
        """The paper of an id or link. Raises ArxivError if there is none, or if arXiv does not answer."""
        number = arxiv_number(text) if len(text) <= MOST_CHARACTERS else ""
        if not number:
            raise ArxivError(
                "This is not an arXiv id or link: give one like 2401.01234, hep-th/9901001 or "
                "https://arxiv.org/abs/2401.01234."
            )
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
        feed = parse_feed(body)
    except FeedError as error:
        raise _unreachable("its answer cannot be read") from error
    # For a number that it does not have, arXiv answers an entry with an error, no entry, or another paper.
    entry = next((entry for entry in feed.entries if entry.number == number), None)
    if entry is None:
        raise ArxivError(f"arXiv has no paper {number}.")
    if not entry.title or not entry.abstract:
        raise _unreachable("its answer lacks the title or the abstract")
    return Paper(entry.title, entry.abstract)


def _unreachable(reason: str) -> ArxivError:
    return ArxivError(f"arXiv cannot be asked now: {reason}; paste title and abstract, or try again later.")
