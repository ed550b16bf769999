"""HTTP as a guest should use it: cached, paced, patient, and only with the hosts that a source names."""

import sys
import time
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

import requests
from requests_cache import CacheMixin
from tqdm import tqdm

from scrapers.cache import AnswerCache
from scrapers.transport import (
    ATTEMPTS,
    CONNECT_SECONDS,
    PROJECT,
    READ_SECONDS,
    FetchError,
    GuardedSession,
    PacedAdapter,
    backoff,
    cause,
    seconds_to_wait,
)

Parsed = TypeVar("Parsed")

LONGEST_WAIT = 900
FAILURES_TO_STOP = 5
STORED = (200, 404, 410)
ROBOTS_KEEP = timedelta(days=1)


class UnexpectedContentError(Exception):
    """The answer is not of the promised kind, as servers in trouble send; worth asking again."""


class _BusyError(Exception):
    """No usable answer now; `wait` is how many seconds the server wants to be left alone, None for not at all."""

    def __init__(self, reason: str, wait: float | None = 0) -> None:
        super().__init__(reason)
        self.wait = wait


class Client:
    """Gets pages for one source.

    Args:
        hosts: as GuardedSession has them.
        pace: seconds between two requests to a host.
        cache: SQLite file that keeps each answer, so that a run started again goes on where it was.
        paces: other paces, by the beginning of the address.
        keep: how long a stored answer is good; None for ever.
        contact: an address for the server's operator to write to, sent along.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        hosts: Collection[str],
        pace: float,
        cache: Path,
        *,
        paces: Mapping[str, float] | None = None,
        keep: timedelta | None = None,
        contact: str = "",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.cache = AnswerCache(cache)
        self.fetched = self.from_cache = 0
        self.pace, self._sleep = pace, sleep
        self._failures, self._stopped = 0, ""
        self._session = _Session(
            backend=self.cache,
            expire_after=keep or -1,
            urls_expire_after={"*/robots.txt": ROBOTS_KEEP},
            allowable_codes=STORED,
            hosts=hosts,
            contact=contact,
        )
        for prefix, seconds in {"https://": pace, "http://": pace, **(paces or {})}.items():
            self._session.mount(prefix, PacedAdapter(seconds))

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_) -> None:
        self._session.close()

    def get(self, url: str, parse: Callable[[bytes], Parsed], ask_again: bool = False) -> Parsed:
        """What `parse` makes of the answer's body. It may raise UnexpectedContentError to have it asked for again.

        `ask_again` fetches although there is a stored answer. Raises FetchError when the server says no, or five
        attempts, each after a longer wait, were in vain. After five such addresses in a row, or when told to wait
        longer than a quarter of an hour, no server is asked any more: then the cache answers alone.
        """
        try:
            return self._get(url, parse, ask_again)
        except FetchError as error:
            error.url = url
            raise

    def obey_robots(self, url: str) -> None:
        """Raises FetchError if the robots.txt of the host of `url` asks us to stay away; keeps to its crawl delay."""
        site = "{0.scheme}://{0.netloc}/".format(urlsplit(url))
        try:
            lines = self.get(f"{site}robots.txt", lambda body: body.decode("utf-8", "replace").splitlines())
        except FetchError as error:
            if error.status and error.status < 500:
                return
            raise FetchError(f"robots.txt cannot be read ({error}), so nothing may be fetched") from error
        robots = RobotFileParser()
        robots.parse(lines)
        if not robots.can_fetch(PROJECT, url):
            raise FetchError("robots.txt asks programs to stay away")
        delay = robots.crawl_delay(PROJECT)
        if delay and int(delay) > self.pace:
            self._session.mount(site, PacedAdapter(int(delay)))

    def _get(self, url: str, parse: Callable[[bytes], Parsed], ask_again: bool) -> Parsed:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._attempt(url, parse, ask_again or attempt > 1)
            except _BusyError as error:
                reason, wait = str(error), error.wait
            if wait is None:
                continue
            if wait > LONGEST_WAIT:
                minutes = f"{wait / 60:.0f} minutes"
                self._stopped = f"not asked: {urlsplit(url).hostname} wants {minutes} of quiet"
                raise FetchError(f"{reason}, come back in {minutes}")
            if attempt < ATTEMPTS:
                seconds = backoff(attempt, wait)
                host = urlsplit(url).hostname
                tqdm.write(f"{host}: {reason}; asking again in {seconds:.0f} seconds.", file=sys.stderr)
                self._sleep(seconds)
        self._failures += 1
        if self._failures == FAILURES_TO_STOP:
            self._stopped = f"not asked: {FAILURES_TO_STOP} addresses in a row had failed ({reason})"
        raise FetchError(f"{reason}, {ATTEMPTS} times")

    def _attempt(self, url: str, parse: Callable[[bytes], Parsed], ask_again: bool) -> Parsed:
        """Raises FetchError for good, _BusyError where another attempt may help."""
        if self._stopped and ask_again:
            raise FetchError(self._stopped)
        try:
            response = self._session.get(
                url,
                force_refresh=ask_again,
                only_if_cached=bool(self._stopped),
                timeout=(CONNECT_SECONDS, READ_SECONDS),
            )
        except (requests.TooManyRedirects, ValueError) as error:
            # ValueError: a redirect to something that is no address.
            raise FetchError(cause(error)) from error
        except requests.Timeout as error:
            raise _BusyError("no answer in time") from error
        except requests.RequestException as error:
            raise _BusyError(f"the connection failed ({cause(error)})") from error
        status = response.status_code
        if self._stopped and status == 504:
            raise FetchError(self._stopped)
        if response.from_cache:
            self.from_cache += 1
        else:
            self.fetched += 1
        if status == 429 or status >= 500:
            raise _BusyError(f"HTTP {status}", seconds_to_wait(response))
        # A stored answer says nothing about how the server is now.
        if status != 200:
            self._failures *= response.from_cache
            raise FetchError(f"HTTP {status}", status)
        try:
            parsed = parse(response.content)
        except UnexpectedContentError as error:
            raise _BusyError(str(error), None if response.from_cache else 0) from error
        self._failures *= response.from_cache
        return parsed


class _Session(CacheMixin, GuardedSession):
    """A guarded session with a cache."""
