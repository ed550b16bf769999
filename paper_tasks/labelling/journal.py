"""The labels of a reader, line by line in a file of JSON Lines: what is saved stays, and a later run continues."""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from paper_tasks.errors import InputError
from paper_tasks.io.locks import opened_alone


@dataclass(frozen=True)
class Label:
    """What a reader said of a paper. main: the tasks that it works on. ok: tasks that are right too."""

    id: str
    title: str
    main: list[str]
    ok: list[str]


class Journal:
    """The labels in a file; `open_journal` gives one. ids: of the papers that have a label."""

    def __init__(self, descriptor: int, path: Path, ids: set[str]) -> None:
        self._descriptor, self._path, self.ids = descriptor, path, ids

    def append(self, label: Label) -> None:
        """Writes a label to the disk, as a whole or not at all. Raises InputError if it cannot be written."""
        line = _line(label)
        end = os.fstat(self._descriptor).st_size
        try:
            # Not by way of a buffer: after a failed write, nothing waits to be written again.
            if os.write(self._descriptor, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._descriptor)
        except OSError as error:
            os.truncate(self._descriptor, end)
            raise InputError(f"{self._path} cannot be written ({error.strerror or error}).") from error
        self.ids.add(label.id)


@contextmanager
def open_journal(path: Path) -> Iterator[Journal]:
    """The labels in `path`, which is made if it is not there. A line that a kill cut off is removed.

    Raises InputError for a file that holds anything else, and Busy while another process labels there.
    """
    if path.suffix not in (".jsonl", ".ndjson"):
        raise InputError(f"{path}: labels are JSON Lines; name a file that ends in .jsonl.")
    with ExitStack() as stack:
        try:
            file = stack.enter_context(opened_alone(path, "a+b"))
            file.seek(0)
            *lines, rest = file.read().split(b"\n")
            ids = {_read(line, f"{path}, line {number}").id for number, line in enumerate(lines, start=1)}
            if rest:
                os.truncate(file.fileno(), sum(len(line) + 1 for line in lines))
        except OSError as error:
            raise InputError(f"{path} cannot be read and written ({error.strerror or error}).") from error
        journal = Journal(file.fileno(), path, ids)
        with suppress(InputError):
            # An editor may have left out the last line's end.
            journal.append(_read(rest, str(path)))
        yield journal


def _line(label: Label) -> bytes:
    return (json.dumps(asdict(label), ensure_ascii=False) + "\n").encode("utf-8", "replace")


def _read(line: bytes, place: str) -> Label:
    try:
        values = json.loads(line)
        label = Label(**{field.name: values[field.name] for field in fields(Label)})
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{place} is no label with id, title, main and ok; correct it, or name another.") from error
    lists = isinstance(label.main, list) and isinstance(label.ok, list)
    if not lists or not all(isinstance(text, str) for text in (label.id, label.title, *label.main, *label.ok)):
        raise InputError(f"{place}: id and title must be texts, main and ok lists of texts; correct it.")
    return label
