"""Files that are whole or not there, written by one process at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from paper_tasks.errors import InputError


@contextmanager
def opened_alone(path: Path, mode: str = "a", **options) -> Iterator[IO]:
    """`path`, opened to append by this process alone. Raises InputError while another has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open(mode, **options) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Between opening and locking, the other may have moved it to its place.
            held = os.path.samestat(os.fstat(file.fileno()), path.stat())
        except (BlockingIOError, FileNotFoundError):
            held = False
        if not held:
            raise InputError(f"Another run has {path}; wait until it has ended.")
        yield file


@contextmanager
def replacing(path: Path) -> Iterator[IO[str]]:
    """A text file beside `path` to write to; it takes the place of `path` once all is on the disk, else it goes.

    Raises InputError if it cannot be written, or another process writes it.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        # A lone surrogate, which JSON can smuggle in, has no UTF-8.
        with opened_alone(partial, newline="", encoding="utf-8", errors="replace") as file:
            try:
                # What a killed run has left.
                file.truncate(0)
                yield file
                file.flush()
                os.fsync(file.fileno())
                partial.replace(path)
            except BaseException:
                partial.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror or error}).") from error
