"""How a command reaches the server of its source: the address, the pace, the token, and one client at a time."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

from paper_tasks.errors import InputError
from paper_tasks.io.locks import opened_alone
from scrapers.http.client import Client
from scrapers.http.transport import FetchError, hosts_of
from scrapers.options import CrawlOptions, PaperOptions, ServerOptions
from scrapers.run import forget_problems


def base_url_of(server: ServerOptions, default: str) -> str:
    """The address that is asked. Raises InputError for a text that is not an address."""
    address = (server.base_url or default).rstrip("/")
    try:
        parts = urlsplit(address)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise InputError(f"--base-url '{server.base_url}' is not an address; write one like http://localhost:8000.")
    return address


@contextmanager
def open_client(
    source: ModuleType, base_url: str, cache: Path, output: Path, papers: PaperOptions, crawl: CrawlOptions
) -> Iterator[Client]:
    """A client for the source, the only one at its cache; with --retry-problems, it fetches those of `output` again.

    source: a module that says which HOSTS to ask at which PACE, and how long to KEEP answers. KEEPS, SLOWER, LISTINGS
        and TOKEN are optional.
    """
    keeps = getattr(source, "KEEPS", None)
    hosts = hosts_of(base_url, source.HOSTS)
    pace = max(crawl.pace or source.PACE, source.PACE if hosts == source.HOSTS else 0)
    paces = {f"{base_url}{path}": pace * factor for path, factor in getattr(source, "SLOWER", {}).items()}
    # Neither a mirror nor a listener on the way may learn the token.
    token = _token(source) if hosts == source.HOSTS and base_url.startswith("https:") else ""
    cache.parent.mkdir(parents=True, exist_ok=True)
    with (
        opened_alone(cache.with_name(cache.name + ".lock")),
        Client(
            hosts, pace, cache, paces=paces, keep=source.KEEP, keeps=keeps, contact=crawl.contact, token=token
        ) as client,
    ):
        if crawl.retry_problems and not papers.dry_run:
            forget_problems(client, output, getattr(source, "LISTINGS", None))
        try:
            yield client
        except FetchError as error:
            raise InputError(f"{base_url} cannot be asked: {error}.") from error


def _token(source: ModuleType) -> str:
    name = getattr(source, "TOKEN", "")
    token = os.environ.get(name, "").strip()
    # The HTTP library's own error would show the token.
    if not re.fullmatch("[!-~]*", token):
        raise InputError(f"{name} holds characters that no token has; give it the token alone.")
    return token
