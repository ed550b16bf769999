"""Sessions and adapters of requests that stay with their hosts, keep a pace, and read no more than is reasonable."""

import random
import time
from collections.abc import Collection

import requests
import urllib3
from requests_ratelimiter import LimiterAdapter
from urllib3.util import Retry, parse_url

PROJECT = "from-paper-with-tasks"
ADDRESS = "https://github.com/Tasfiq-K/from-paper-with-tasks"
CONNECT_SECONDS, READ_SECONDS, BODY_SECONDS = 20, 60, 300
MAX_BYTES = 64 << 20
ATTEMPTS = 5
# A server that wants longer to be left alone is not waited for.
LONGEST_WAIT = 900
# A server that says 429 but not for how long: the Wayback Machine locks out who comes back within a minute.
BUSY_SECONDS = 60
# What a server tells caches is for browsers; how long an answer is good here, its source's module says.
CACHE_HEADERS = ("Vary", "Cache-Control", "Pragma", "Expires")


class FetchError(Exception):
    """An address, `url`, that gives no usable answer; a clause that tells why.

    `status` is the HTTP status, if any, and `body` what the server said with it.
    """

    def __init__(self, reason: str, status: int | None = None, body: bytes = b"") -> None:
        super().__init__(reason)
        self.url, self.status, self.body = "", status, body


class GuardedSession(requests.Session):
    """Asks `hosts` alone, in redirects too; raises FetchError for any other.

    A host stands for its subdomains; `host:port` for that port alone.
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
    """Waits `pace` seconds between requests to a host, and reads a body only as far and as long as is reasonable."""

    def __init__(self, pace: float) -> None:
        # A burst as long as the pause is a burst of one.
        super().__init__(per_second=1 / pace, burst=pace, limit_statuses=(), max_retries=0)

    def send(self, request: requests.PreparedRequest, **options) -> requests.Response:
        response = super().send(request, **options | {"stream": True})
        try:
            response._content = _read(response.raw)
        except (FetchError, requests.Timeout):
            response.raw.close()
            raise
        except (urllib3.exceptions.HTTPError, OSError) as error:
            response.raw.close()
            raise requests.ConnectionError(error) from error
        response.raw.release_conn()
        response._content_consumed = True
        for name in CACHE_HEADERS:
            response.headers.pop(name, None)
        # The cache would keep it where a redirect was followed; the request that follows goes without.
        request.headers.pop("Authorization", None)
        return response


def hosts_of(base_url: str, own: Collection[str]) -> frozenset[str]:
    """The hosts that may be asked when a source is read at `base_url`: its own, or that of a mirror alone."""
    try:
        check_host(base_url, own)
        return frozenset(own)
    except FetchError:
        return frozenset({parse_url(base_url).netloc})


def check_host(url: str, hosts: Collection[str]) -> None:
    """Raises FetchError if `url` is not http or https at one of `hosts`, as GuardedSession has them."""
    try:
        address = parse_url(url)
    except urllib3.exceptions.LocationParseError as error:
        raise FetchError("it leads to an address that is none") from error
    if address.scheme not in ("http", "https") or not any(
        address.netloc == host or f".{address.host}".endswith(f".{host}") for host in hosts
    ):
        raise FetchError(f"it leads to {address.scheme}://{address.netloc}, which is not of this source")


def seconds_to_wait(response: requests.Response) -> float:
    """How long a server in trouble (429, 5xx) wants to be left alone; 0 if it does not say."""
    try:
        wait = Retry().parse_retry_after(response.headers["Retry-After"])
    except (KeyError, ValueError, OverflowError, urllib3.exceptions.InvalidHeader):
        wait = BUSY_SECONDS if response.status_code == 429 else 0
    return wait


def backoff(attempt: int, wait: float = 0) -> float:
    """Seconds to let pass after failed attempt number `attempt` (from 1): what the server wants, or ever more."""
    return (wait or 2**attempt) * random.uniform(1, 1.5)


def cause(error: BaseException) -> str:
    """The innermost cause of an error, which is what tells most."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    return str(error) or type(error).__name__


def _read(raw: urllib3.HTTPResponse) -> bytes:
    """The decompressed body. (A body that trickles never trips a timeout between two packets.)"""
    body = bytearray()
    ends = time.monotonic() + BODY_SECONDS
    while block := raw.read1(1 << 16, decode_content=True):
        body += block
        if len(body) > MAX_BYTES:
            raise FetchError(f"a body of more than {MAX_BYTES >> 20} MB")
        if time.monotonic() > ends:
            raise requests.Timeout
    return bytes(body)
