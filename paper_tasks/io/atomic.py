"""Writes files and folders so that they are complete or absent: beside their place, to the disk, then renamed.

One process at a time writes a file, under its name with `.partial` behind it. A run after a killed one therefore
overwrites what that has left.
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
    """Gives the path of an empty file to fill. It replaces `path` at the end; if an error is raised, it is removed.

    Raises InputError if the file cannot be written (its folder must exist), or if another process writes it.
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
    """A text file in UTF-8 to write to, as in `write_atomic`; line ends stay as they are written.

    A lone surrogate, which has no UTF-8, becomes a question mark.
    """
    with write_atomic(path) as partial, partial.open("w", newline="", encoding="utf-8", errors="replace") as file:
        yield file


def write_text(path: Path, text: str) -> None:
    """Writes a text file in UTF-8, as in `write_atomic`."""
    with open_atomic(path) as file:
        file.write(text)


def write_json(path: Path, content: Any, indent: int | None = 2) -> None:
    """Writes JSON, as in `write_atomic`: readable by default; `indent` 0 leaves out blanks, None line breaks, too."""
    separators = None if indent else (",", ":")
    write_text(path, json.dumps(content, ensure_ascii=False, indent=indent, separators=separators) + "\n")


@contextmanager
def write_folder(folder: Path) -> Iterator[Path]:
    """Gives an empty folder to fill. It replaces `folder` at the end; if an error is raised, it is removed.

    A kill between the two renames leaves the old folder aside: `restore_folder` puts it back. Raises InputError if
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
    """Puts back a folder that a killed `write_folder` has left aside."""
    old = folder.with_name(folder.name + _OLD)
    if not folder.exists() and old.exists():
        old.rename(folder)


def partial_path(path: Path) -> Path:
    """The path of a file or folder while it is written."""
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
