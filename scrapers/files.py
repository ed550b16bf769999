"""Files that are whole or not there, written by one process at a time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from paper_tasks.errors import InputError
from paper_tasks.io.locks import opened_alone


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
