"""One process at a time writes a file or a folder; the lock ends with the process, however that ends.

The lock is on the very file that is written, by `flock`. The library filelock empties the file that it locks, so that
each output would need a second file beside it.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from paper_tasks.errors import InputError


class Busy(InputError):
    """Another process writes the same file or folder."""


@contextmanager
def opened_alone(path: Path, mode: str = "ab") -> Iterator[IO[Any]]:
    """`path`, opened by this process alone. Raises Busy while another process has it, and OSError."""
    with path.open(mode) as file:
        _lock(file.fileno(), path)
        yield file


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """The folder belongs to this process alone. Raises Busy while another process has it, and OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Between opening and locking, the other process may have renamed the file.
        held = os.path.samestat(os.fstat(descriptor), path.stat())
    except (BlockingIOError, FileNotFoundError):
        held = False
    if not held:
        raise Busy(f"Another run has {path}; wait until it has ended.")
