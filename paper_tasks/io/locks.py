"""Lets one process at a time write a file or a folder. The lock ends with the process, however that ends.

`flock` locks the very file that is written. The library filelock would empty it: it needs a lock file of its own,
which would stay beside each output.
"""

import errno
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
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            # Some file systems of clusters have no locks; there nothing tells two runs apart.
            if error.errno not in (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK):
                raise
        # Between opening and locking, the other process may have renamed the file.
        held = os.path.samestat(os.fstat(descriptor), path.stat())
    except (BlockingIOError, FileNotFoundError):
        held = False
    if not held:
        raise Busy(f"Another run has {path}; wait until it has ended.")
