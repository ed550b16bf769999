"""A table that is kept while it grows, so that a run killed at any moment can be carried on without a trace."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

from paper_tasks.errors import InputError
from paper_tasks.io import tables, writing
from paper_tasks.io.locks import opened_alone


@dataclass(frozen=True)
class Entry:
    """What is safely on the disk: rows read of the input, those of them tagged, the length of each file in bytes."""

    rows: int = 0
    tagged: int = 0
    output_bytes: int = 0
    problem_bytes: int = 0
    ended: bool = False


class Journal:
    """What `journaled` gives; `entry` is the last one made, by this run or, where it resumes, by the one before."""

    def __init__(self, output: Path, file: IO[bytes], entry: Entry) -> None:
        self.entry = entry
        self._output, self._file = output, file

    def append(self, rows: int, tagged: int, output: bytes, problems: bytes) -> None:
        """Takes what came of the next `rows` of the input to the disk: after a kill all of it counts, or nothing."""
        _append(partial_path(self._output), output)
        _append(problems_path(self._output), problems)
        self._enter(
            Entry(
                self.entry.rows + rows,
                self.entry.tagged + tagged,
                self.entry.output_bytes + len(output),
                self.entry.problem_bytes + len(problems),
            )
        )

    def end(self) -> None:
        """Puts the table into its place."""
        if not self.entry.ended:
            self._enter(replace(self.entry, ended=True))
        if partial_path(self._output).exists():
            writing.place_table(partial_path(self._output), self._output)
        journal_path(self._output).unlink()

    def discard(self) -> None:
        """Leaves nothing but the list of problems, if there is one, and the journal: the same again may replace it."""
        partial_path(self._output).unlink(missing_ok=True)
        if not self.entry.problem_bytes:
            journal_path(self._output).unlink()

    def _enter(self, entry: Entry) -> None:
        _write(self._file, _line(asdict(entry)))
        self.entry = entry


@contextmanager
def journaled(output: Path, run: dict[str, Any], resume: bool, overwrite: bool) -> Iterator[Journal]:
    """The journal of `output`, for this process alone: begun, or with `resume` carried on where there is one.

    Beside `output`, by its name without the ending, lie the rows so far (.partial), the problems (.problems.csv) and
    the journal: a line that tells the run, then an `Entry` for each `append`. What a kill left behind the last whole
    entry is cut off.

    Args:
        run: what must be the same for the rest to fit; a refusal names the key whose value is not.

    Raises InputError if another run is at it, if something would be lost, or if `run` differs.
    """
    partial, problems = partial_path(output), problems_path(output)
    with opened_alone(journal_path(output), "a+b") as file:
        try:
            begun, entry, length = _read(journal_path(output), file, run, overwrite)
            if resume and entry.rows and (partial.exists() or entry.ended):
                _check_same(partial, begun, run)
                file.truncate(length)
                if partial.exists():
                    _cut(partial, entry.output_bytes)
                _cut(problems, entry.problem_bytes)
            else:
                _check_nothing_is_lost(output, begun, entry, resume, overwrite)
                entry = Entry()
                for path in (partial, problems):
                    path.unlink(missing_ok=True)
                file.truncate(0)
                _write(file, _line(run))
            journal = Journal(output, file, entry)
            try:
                yield journal
            finally:
                if not journal.entry.tagged:
                    journal.discard()
        finally:
            if not os.fstat(file.fileno()).st_size:
                journal_path(output).unlink(missing_ok=True)


def partial_path(output: Path) -> Path:
    """The rows so far, of a run that has not ended."""
    return output.with_name(tables.table_stem(output) + ".partial")


def problems_path(output: Path) -> Path:
    """The rows that could not be tagged, with the reasons; not there if all could."""
    return output.with_name(tables.table_stem(output) + ".problems.csv")


def journal_path(output: Path) -> Path:
    """How much of the other two is whole, of a run that has not ended."""
    return output.with_name(tables.table_stem(output) + ".journal")


def _check_nothing_is_lost(output: Path, begun: dict | None, entry: Entry, resume: bool, overwrite: bool) -> None:
    partial = partial_path(output)
    if overwrite:
        return
    if partial.exists() and entry.rows:
        raise InputError(
            f"{partial} holds {entry.tagged:,} papers of a run that broke off: "
            "--resume carries it on, --overwrite starts afresh."
        )
    if partial.exists() and begun is None:
        raise InputError(f"{partial} is there without a journal; move it away, or replace it with --overwrite.")
    if output.exists():
        # Whose it is cannot be told: of another input, perhaps.
        nothing = ", and there is nothing to resume: if such a run made it, it is whole" if resume else ""
        raise InputError(f"{output} exists already{nothing}; --overwrite replaces it.")
    if problems_path(output).exists() and begun is None:
        raise InputError(f"{problems_path(output)} exists already; move it away, or replace it with --overwrite.")


def _check_same(partial: Path, begun: dict[str, Any], run: dict[str, Any]) -> None:
    for name, value in run.items():
        if begun.get(name) != value:
            raise InputError(
                f"{partial} was begun with another {name}; give the same again, or start afresh with --overwrite."
            )


def _read(
    path: Path, file: IO[bytes], run: dict[str, Any], overwrite: bool
) -> tuple[dict[str, Any] | None, Entry, int]:
    """The run that was begun, None if none was; the last whole entry; and where that ends, in bytes."""
    begun, entry, length = None, Entry(), 0
    file.seek(0)
    for line in file:
        try:
            content = json.loads(line) if line.endswith(b"\n") else None
            if begun is None:
                begun = dict(content)
            else:
                entry = Entry(**content)
        except (TypeError, ValueError) as error:
            if begun is None:
                if overwrite or _line(run).startswith(line):
                    # The disk was full, or a kill came, before the first line was whole.
                    break
                raise InputError(
                    f"{path} is no journal of this run; move it away, or replace it with --overwrite."
                ) from error
            # Half a line, of a run killed while it wrote it.
            break
        length += len(line)
    return begun, entry, length


def _cut(path: Path, length: int) -> None:
    size = path.stat().st_size if path.exists() else 0
    if size < length:
        raise InputError(f"{path} is shorter than the run that broke off has left it; start afresh with --overwrite.")
    if size > length:
        os.truncate(path, length)
    if not length:
        path.unlink(missing_ok=True)


def _line(content: dict[str, Any]) -> bytes:
    return json.dumps(content).encode() + b"\n"


def _append(path: Path, data: bytes) -> None:
    if data:
        with path.open("ab") as file:
            _write(file, data)


def _write(file: IO[bytes], data: bytes) -> None:
    file.write(data)
    file.flush()
    os.fsync(file.fileno())
