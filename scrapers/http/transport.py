"""Sessions and adapters of requests that ask only some hosts, keep a pace, and limit what they read."""

import random
import time
from collections.abc import Collection
from typing import Any

import requests
import urllib3
from requests_ratelimiter import LimiterAdapter
from urllib3.util import Retry, parse_url

PROJECT = "from-paper-with-tasks"
ADDRESS = "https://github.com/Tasfiq-K/from-paper-with-tasks"
CONNECT_SECONDS, READ_SECONDS, BODY_SECONDS = 20, 60, 300
MAX_BYTES = 64 << 20
ATTEMPTS = 5
# Seconds: nobody waits for a server that wants a longer pause.
LONGEST_WAIT = 900
# For a 429 without a time: the Wayback Machine locks out clients that come back within a minute.
BUSY_SECONDS = 60
# They are for browsers. The module of a source says how long an answer is good here.
CACHE_HEADERS = ("Vary", "Cache-Control", "Pragma", "Expires")


class FetchError(Exception):
    """The address `url` gives no usable answer; the text is a clause that says why.

    `status` is the HTTP status, if any, and `body` is what came with it.
    """

    def __init__(self, reason: str, status: int | None = None, body: bytes = b"") -> None:
        super().__init__(reason)
        self.url, self.status, self.body = "", status, body


class GuardedSession(requests.Session):
    """Asks only `hosts`, in redirects too; raises FetchError for any other host.

    A host includes its subdomains; `host:port` is that port alone.
    """

    def __init__(self, hosts: Collection[str], contact: str = "") -> None:
        super().__init__()
        self.hosts = frozenset(hosts)
        self.headers["Accept-Encoding"] = "gzip, deflate"
        self.headers["User-Agent"] = f"{PROJECT}/0.1 (+{ADDRESS}{'; ' + contact if contact else ''})"

    def get_adapter(self, url: str) -> requests.adapters.BaseAdapter:
        check_host(url, self.hosts)
        return super().get_adapter(url)


class PacedAdapter(LimiterAdapter):
    """Waits `pace` seconds between requests to a host; limits the size of a body and the time to read it."""

    def __init__(self, pace: float) -> None:
        # A burst as long as the pause is a burst of one.
        super().__init__(per_second=1 / pace, burst=pace, limit_statuses=(), max_retries=0)

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        response = super().send(request, *args, **options | {"stream": True})
        try:
            response._content = _read(response.raw)
        except (FetchError, requests.Timeout):
            response.raw.close()
            raise
        except (urllib3.exceptions.HTTPError, OSError) as error:
            response.raw.close()
            raise requests.ConnectionError(error) from error
        response.raw.release_conn()
        response._content_consumed = True  # type: ignore[attr-defined]  # requests' own, which its stubs lack
        for name in CACHE_HEADERS:
            response.headers.pop(name, None)
        # The cache would keep the token if a redirect was followed; the next request goes without it.
        request.headers.pop("Authorization", None)
        return response


def hosts_of(base_url: str, own: Collection[str]) -> frozenset[str]:
    """The hosts that may be asked if a source is read at `base_url`: its own ones, or only the mirror's."""
    try:
        check_host(base_url, own)
        return frozenset(own)
    except FetchError:
        return frozenset({parse_url(base_url).netloc or ""})


def check_host(url: str, hosts: Collection[str]) -> None:
    """Raises FetchError if `url` is not http or https at one of `hosts`, as GuardedSession has them."""
    try:
        address = parse_url(url)
    except urllib3.exceptions.LocationParseError as error:
        raise FetchError("it leads to something that is not an address") from error
    if address.scheme not in ("http", "https") or not any(
        address.netloc == host or f".{address.host}".endswith(f".{host}") for host in hosts
    ):
        raise FetchError(f"it leads to {address.scheme}://{address.netloc}, which is not a host of this source")


def seconds_to_wait(response: requests.Response) -> float:
    """The pause in seconds that a server in trouble (429, 5xx) asks for; 0 if it asks for none."""
    try:
        wait = Retry().parse_retry_after(response.headers["Retry-After"])
    except (KeyError, ValueError, OverflowError, urllib3.exceptions.InvalidHeader):
        wait = BUSY_SECONDS if response.status_code == 429 else 0
    return wait


def backoff(attempt: int, wait: float = 0) -> float:
    """Seconds to wait after failed attempt number `attempt` (from 1): what the server asks for, or ever more."""
    return (wait or 2**attempt) * random.uniform(1, 1.5)


def cause(error: BaseException) -> str:
    """The innermost cause of an error, which says most."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return str(error) or type(error).__name__


def _read(raw: urllib3.HTTPResponse) -> bytes:
    """The decompressed body. It has its own deadline: a slow trickle never runs into a timeout between two packets."""
    body = bytearray()
    ends = time.monotonic() + BODY_SECONDS
    while block := raw.read1(1 << 16, decode_content=True):
        body += block
        if len(body) > MAX_BYTES:
            raise FetchError(f"a body of more than {MAX_BYTES >> 20} MB")
        if time.monotonic() > ends:
            raise requests.Timeout
    return bytes(body)
