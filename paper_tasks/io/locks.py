"""One process at a time at a file; the lock goes with the process, however that ends."""

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
