"""Files and folders that are whole or not there: written beside their place, brought to the disk, then renamed.

Each is written under a fixed name, with `.partial` behind it, by one process at a time. A run that follows a killed one
therefore overwrites what that has left.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from paper_tasks.errors import InputError
from paper_tasks.io.locks import locked_folder, opened_alone

_PARTIAL, _OLD = ".partial", ".old"


@contextmanager
def write_atomic(path: Path) -> Iterator[Path]:
    """Gives the name of an empty file to fill; the file takes its place at `path` if nothing is raised, else it goes.

    Raises InputError if the file cannot be written (its folder must exist), or another process writes it.
    """
    partial = partial_path(path)
    try:
        with opened_alone(partial) as file:
            try:
                file.truncate(0)
                yield partial
                move(partial, path)
            except BaseException:
                partial.unlink(missing_ok=True)
                raise
    except OSError as error:
        if error.filename not in (None, str(partial)):
            raise
        raise InputError(f"{path} cannot be written ({error.strerror or error}).") from error


@contextmanager
def open_atomic(path: Path) -> Iterator[IO[str]]:
    """A text file to write to, as `write_atomic` has it; lines end as they are written.

    A lone surrogate, which has no UTF-8, becomes a question mark.
    """
    with write_atomic(path) as partial, partial.open("w", newline="", encoding="utf-8", errors="replace") as file:
        yield file


def write_text(path: Path, text: str) -> None:
    """Writes a text file as `write_atomic` has it."""
    with open_atomic(path) as file:
        file.write(text)


def write_json(path: Path, content: Any, indent: int | None = 2) -> None:
    """Writes JSON as `write_atomic` has it: readable by default; `indent` 0 gives lines without blanks, None a line."""
    separators = None if indent else (",", ":")
    write_text(path, json.dumps(content, ensure_ascii=False, indent=indent, separators=separators) + "\n")


@contextmanager
def write_folder(folder: Path) -> Iterator[Path]:
    """Gives an empty folder to fill, which replaces `folder` as a whole if nothing is raised, else it goes.

    A kill between the two renames leaves the former folder aside: `restore_folder` puts it back. Raises InputError if
    another process writes the folder, and OSError.
    """
    partial, old = partial_path(folder), folder.with_name(folder.name + _OLD)
    partial.mkdir(exist_ok=True)
    with locked_folder(partial):
        try:
            _empty(partial)
            yield partial
            for path in partial.rglob("*"):
                if path.is_file():
                    _sync(path)
            restore_folder(folder)
            shutil.rmtree(old, ignore_errors=True)
            if folder.exists():
                folder.rename(old)
            partial.rename(folder)
            shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            restore_folder(folder)


def restore_folder(folder: Path) -> None:
    """Puts a folder back that a killed `write_folder` had set aside."""
    old = folder.with_name(folder.name + _OLD)
    if not folder.exists() and old.exists():
        old.rename(folder)


def partial_path(path: Path) -> Path:
    """Where a file or folder is while it is written."""
    return path.with_name(path.name + _PARTIAL)


def move(partial: Path, path: Path) -> None:
    """Brings a written file to the disk, and then to its place. Raises OSError."""
    _sync(partial)
    partial.replace(path)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
