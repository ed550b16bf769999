"""Large files: they go to the disk and not into the cache, and a fetch that broke off goes on."""

import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import IO

import requests
from tqdm import tqdm

from paper_tasks.errors import InputError
from paper_tasks.io.atomic import move, partial_path
from paper_tasks.io.locks import opened_alone
from scrapers.http.transport import (
    ATTEMPTS,
    CONNECT_SECONDS,
    LONGEST_WAIT,
    READ_SECONDS,
    FetchError,
    GuardedSession,
    backoff,
    cause,
    seconds_to_wait,
)

MAX_BYTES = 4 << 30


def download(
    url: str, path: Path, hosts: Collection[str], contact: str = "", sleep: Callable[[float], None] = time.sleep
) -> Path:
    """Fetches `url` to `path` if it is not there, and returns `path`.

    The bytes arrive in `<path>.partial`. `<path>.etag` holds the server's name for this version of the file, so that
    parts of two versions are never joined.

    Raises InputError if five attempts in a row bring nothing, or if the server wants a pause of more than a quarter of
    an hour.
    """
    if path.exists():
        return path
    partial = partial_path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with GuardedSession(hosts, contact) as session, opened_alone(partial) as file:
            session.headers["Accept-Encoding"] = "identity"
            _fill(session, url, file, path.with_name(path.name + ".etag"), sleep)
            move(partial, path)
    except OSError as error:
        raise InputError(f"{partial} cannot be written ({error.strerror or error}).") from error
    path.with_name(path.name + ".etag").unlink(missing_ok=True)
    return path


def _fill(session: GuardedSession, url: str, file: IO[bytes], etag: Path, sleep: Callable[[float], None]) -> None:
    attempt = 1
    while True:
        had = file.tell()
        try:
            return _attempt(session, url, file, etag)
        except (FetchError, ValueError) as error:
            # ValueError comes from a redirect to something that is not an address.
            raise InputError(f"{url} cannot be fetched: {error}.") from error
        except requests.RequestException as error:
            attempt = 1 if file.tell() > had else attempt + 1
            answer = error.response
            reason = f"HTTP {answer.status_code}" if answer is not None else cause(error)
            refused = answer is not None and answer.status_code < 500 and answer.status_code not in (416, 429)
            if refused or attempt > ATTEMPTS:
                raise InputError(f"{url} cannot be fetched ({reason}); the same command goes on.") from error
            wait = seconds_to_wait(answer) if answer is not None else 0
            if wait > LONGEST_WAIT:
                reason += f", come back in {wait / 60:.0f} minutes"
                raise InputError(f"{url} cannot be fetched now ({reason}); the same command goes on.") from error
            seconds = backoff(attempt, wait)
            tqdm.write(f"{etag.stem} broke off; going on in {seconds:.0f} seconds.", file=sys.stderr)
            sleep(seconds)


def _attempt(session: GuardedSession, url: str, file: IO[bytes], etag: Path) -> None:
    """Appends what `file` lacks. Raises FetchError for good, and RequestException if another attempt may help."""
    version = etag.read_text(encoding="utf-8") if etag.exists() else ""
    if not version:
        _empty(file)
    have = file.tell()
    headers = {"Range": f"bytes={have}-", "If-Range": version} if have else {}
    with session.get(url, headers=headers, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS)) as answer:
        part = answer.headers.get("Content-Range", "")
        if answer.status_code == 416:
            if part == f"bytes */{have}":
                return
            _empty(file)
        answer.raise_for_status()
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise FetchError("the server sends it compressed, which was not asked for")
        if answer.status_code == 206 and not part.startswith(f"bytes {have}-"):
            raise FetchError(f"the server sends other bytes ({part}) than those from {have} on")
        if answer.status_code == 200:
            _empty(file)
        version = answer.headers.get("ETag", "")
        # A weak ETag (W/) does not promise the same bytes.
        etag.write_text("" if version.startswith("W/") else version, encoding="utf-8")
        length = answer.raw.length_remaining or 0
        _check_size(file.tell() + length)
        bar = tqdm(
            desc=etag.stem,
            total=file.tell() + length if length else None,
            initial=file.tell(),
            unit="B",
            unit_scale=True,
            disable=None,
        )
        with bar:
            for block in answer.iter_content(1 << 16):
                _check_size(file.tell() + len(block))
                file.write(block)
                file.flush()
                bar.update(len(block))


def _empty(file: IO[bytes]) -> None:
    file.seek(0)
    file.truncate()


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise FetchError(f"it has more than {MAX_BYTES >> 30} GB")
