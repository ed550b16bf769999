"""HTTP that is polite to servers: cached, paced, patient, and only to the hosts that a source names."""

import sys
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from protego import Protego
from requests_cache import CacheMixin
from tqdm import tqdm

from scrapers.http.cache import AnswerCache
from scrapers.http.transport import (
    ATTEMPTS,
    CONNECT_SECONDS,
    LONGEST_WAIT,
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

FAILURES_TO_STOP = 5
STORED = (200, 404, 410)
ROBOTS_KEEP = timedelta(days=1)


class UnexpectedContentError(Exception):
    """The answer is not of the promised kind: a server in trouble sends such, and asking again may help."""


class _BusyError(Exception):
    """No usable answer now. `wait` is the pause in seconds that the server asks for; None asks again at once."""

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
        keeps: other such times, by patterns of addresses with `*`.
        contact: an address for the server's operator to write to; it is sent along.
        token: a bearer token that is sent along, but not after a redirect; it is neither logged nor cached.
        sleep: waits this many seconds.
    """

    def __init__(
        self,
        hosts: Collection[str],
        pace: float,
        cache: Path,
        *,
        paces: Mapping[str, float] | None = None,
        keep: timedelta | None = None,
        keeps: Mapping[str, timedelta] | None = None,
        contact: str = "",
        token: str = "",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.cache = AnswerCache(cache)
        self.fetched = self.from_cache = 0
        self._paces = {"https://": pace, "http://": pace, **(paces or {})}
        self._sleep = sleep
        self._failures, self._stopped = 0, ""
        # The last address that gave something, for each beginning of addresses that has a pace.
        self._answered: dict[str, str] = {}
        expires: dict[Any, Any] = {"*/robots.txt": ROBOTS_KEEP, **(keeps or {})}
        self._session = _Session(
            backend=self.cache,
            expire_after=keep or -1,
            urls_expire_after=expires,
            allowable_codes=STORED,
            hosts=hosts,
            contact=contact,
        )
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"
        for prefix, seconds in self._paces.items():
            self._session.mount(prefix, PacedAdapter(seconds))

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_) -> None:
        self._session.close()

    def get(self, url: str, parse: Callable[[bytes], Parsed], ask_again: bool = False) -> Parsed:
        """What `parse` makes of the answer's body.

        `parse` may raise UnexpectedContentError to ask again, and FetchError if asking again is of no use.
        `ask_again` fetches although there is a stored answer.

        Raises FetchError if the server refuses, or if five attempts fail, each after a longer wait. The client stops
        asking, and only the cache answers, in two cases: the server wants a pause of more than a quarter of an hour,
        or five addresses in a row failed and the server no longer gives what it gave before.
        """
        try:
            return self._get(url, parse, ask_again)
        except FetchError as error:
            error.url = url
            raise

    def obey_robots(self, *urls: str) -> None:
        """Raises FetchError if the robots.txt of their host forbids one of them; else keeps to its crawl delay."""
        site = "{0.scheme}://{0.netloc}/".format(urlsplit(urls[0]))
        try:
            robots = self.get(f"{site}robots.txt", lambda body: Protego.parse(body.decode("utf-8-sig", "replace")))
        except FetchError as error:
            if error.status and error.status < 500:
                return
            raise FetchError(f"robots.txt cannot be read ({error}), so nothing may be fetched") from error
        # An answer for robots.txt does not show that the rest of the site answers.
        self._answered.clear()
        if not all(robots.can_fetch(url, PROJECT) for url in urls):
            raise FetchError("robots.txt asks programs to stay away")
        if delay := robots.crawl_delay(PROJECT):
            # One adapter for all, so that the delay is kept between different parts of the site, too.
            slow = PacedAdapter(delay)
            for prefix, pace in self._paces.items():
                if delay > pace:
                    self._session.mount(prefix if prefix.startswith(site) else site, slow)

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
        if self._failures == FAILURES_TO_STOP and not self._is_up(url):
            self._stopped = f"not asked: {FAILURES_TO_STOP} addresses in a row had failed ({reason})"
        raise FetchError(f"{reason}, {ATTEMPTS} times")

    def _is_up(self, url: str) -> bool:
        """Whether this part of the server gives what it gave before: then the addresses fail, not the server."""
        if answered := self._answered.get(self._part(url)):
            with suppress(FetchError, _BusyError):
                self._attempt(answered, bytes, ask_again=True)
        return self._failures == 0

    def _part(self, url: str) -> str:
        """The longest beginning of `url` that has a pace of its own."""
        return max(filter(url.startswith, self._paces), key=len, default="")

    def _attempt(self, url: str, parse: Callable[[bytes], Parsed], ask_again: bool) -> Parsed:
        """Raises FetchError for good, and _BusyError if another attempt may help."""
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
            # ValueError comes from a redirect to something that is not an address.
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
        # A stored answer does not show that the server answers now.
        if status != 200:
            self._failures *= response.from_cache
            raise FetchError(f"HTTP {status}", status, response.content)
        try:
            parsed = parse(response.content)
        except UnexpectedContentError as error:
            raise _BusyError(str(error), None if response.from_cache else 0) from error
        self._failures *= response.from_cache
        self._answered[self._part(url)] = url
        return parsed


class _Session(CacheMixin, GuardedSession):
    """A guarded session with a cache."""
