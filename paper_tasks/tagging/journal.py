"""A table that is kept while it grows, so that a run killed at any moment can continue without losing a row."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

from paper_tasks.errors import InputError
from paper_tasks.io import encoder, tables
from paper_tasks.io.locks import opened_alone


@dataclass(frozen=True)
class Entry:
    """What is safely on disk: the rows read and tagged so far, and the length of both files in bytes."""

    rows: int = 0
    tagged: int = 0
    output_bytes: int = 0
    problem_bytes: int = 0
    ended: bool = False


class Journal:
    """The journal that `journaled` opens; `entry` is the last entry, written by this run or by the one it resumes."""

    def __init__(self, output: Path, file: IO[bytes], entry: Entry) -> None:
        self.entry = entry
        self._output, self._file = output, file

    def append(self, rows: int, tagged: int, output: bytes, problems: bytes) -> None:
        """Writes the results of the next `rows` rows of the input to disk: after a kill all of them count, or none."""
        _append(partial_path(self._output), output)
        _append(problems_path(self._output), problems)
        self._write_entry(
            Entry(
                self.entry.rows + rows,
                self.entry.tagged + tagged,
                self.entry.output_bytes + len(output),
                self.entry.problem_bytes + len(problems),
            )
        )

    def finish(self) -> None:
        """Moves the finished table to its path and removes the journal."""
        if not self.entry.ended:
            self._write_entry(replace(self.entry, ended=True))
        if partial_path(self._output).exists():
            encoder.place_table(partial_path(self._output), self._output)
        journal_path(self._output).unlink()

    def discard(self) -> None:
        """Removes the rows. A list of problems stays, and so does the journal, so that the same run may replace it."""
        partial_path(self._output).unlink(missing_ok=True)
        if not self.entry.problem_bytes:
            journal_path(self._output).unlink()

    def _write_entry(self, entry: Entry) -> None:
        _write(self._file, _line(asdict(entry)))
        self.entry = entry


@contextmanager
def journaled(output: Path, run: dict[str, Any], resume: bool, overwrite: bool) -> Iterator[Journal]:
    """Opens the journal of `output` for this process alone: a new one, or with `resume` the one that is there.

    Three files lie beside `output` and have its name without the ending: the rows so far (.partial), the problems
    (.problems.csv) and the journal. The journal's first line describes the run; each `append` adds an `Entry`.
    Bytes that a kill left behind the last whole entry are cut off.

    Args:
        run: values that must be equal for a run to resume; the error names the key whose value differs.

    Raises InputError if another process holds the journal, if a file would be lost, or if `run` differs.
    """
    partial, problems = partial_path(output), problems_path(output)
    with opened_alone(journal_path(output), "a+b") as file:
        try:
            earlier_run, entry, length = _read(journal_path(output), file, run, overwrite)
            if resume and entry.rows and (partial.exists() or entry.ended):
                _check_same(partial, earlier_run or {}, run)
                file.truncate(length)
                if partial.exists():
                    _cut(partial, entry.output_bytes)
                _cut(problems, entry.problem_bytes)
            else:
                _check_nothing_is_lost(output, earlier_run, entry, resume, overwrite)
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
    """The rows so far, while a run is unfinished."""
    return output.with_name(tables.table_stem(output) + ".partial")


def problems_path(output: Path) -> Path:
    """The rows that could not be tagged, with the reasons; there is no such file if all could."""
    return output.with_name(tables.table_stem(output) + ".problems.csv")


def journal_path(output: Path) -> Path:
    """How many bytes of the other two files count, while a run is unfinished."""
    return output.with_name(tables.table_stem(output) + ".journal")


def _check_nothing_is_lost(
    output: Path, earlier_run: dict[str, Any] | None, entry: Entry, resume: bool, overwrite: bool
) -> None:
    partial = partial_path(output)
    if overwrite:
        return
    if partial.exists() and entry.rows:
        raise InputError(
            f"{partial} holds {entry.tagged:,} papers of an interrupted run: "
            "--resume continues it, --overwrite starts again."
        )
    if partial.exists() and earlier_run is None:
        raise InputError(f"{partial} exists without a journal; move it away, or replace it with --overwrite.")
    if output.exists():
        # It may come from another input: the file does not say.
        finished = "; there is no interrupted run to resume" if resume else ""
        raise InputError(f"{output} exists already{finished}; --overwrite replaces it.")
    if problems_path(output).exists() and earlier_run is None:
        raise InputError(f"{problems_path(output)} exists already; move it away, or replace it with --overwrite.")


def _check_same(partial: Path, earlier_run: dict[str, Any], run: dict[str, Any]) -> None:
    for name, value in run.items():
        if earlier_run.get(name) != value:
            raise InputError(
                f"{partial} comes from a run with another {name}; give the same again, or start again with --overwrite."
            )


def _read(
    path: Path, file: IO[bytes], run: dict[str, Any], overwrite: bool
) -> tuple[dict[str, Any] | None, Entry, int]:
    """Returns the run in the journal (None if it is empty), the last whole entry, and the byte where that ends."""
    earlier_run: dict[str, Any] | None = None
    entry, length = Entry(), 0
    file.seek(0)
    for line in file:
        try:
            content: Any = json.loads(line) if line.endswith(b"\n") else None
            if earlier_run is None:
                earlier_run = dict(content)
            else:
                entry = Entry(**content)
        except (TypeError, ValueError) as error:
            if earlier_run is None:
                if overwrite or _line(run).startswith(line):
                    # The disk was full, or the run was killed, before the first line was complete.
                    break
                raise InputError(
                    f"{path} is no journal of this run; move it away, or replace it with --overwrite."
                ) from error
            # A kill left half a line.
            break
        length += len(line)
    return earlier_run, entry, length


def _cut(path: Path, length: int) -> None:
    size = path.stat().st_size if path.exists() else 0
    if size < length:
        raise InputError(f"{path} is shorter than the interrupted run left it; start again with --overwrite.")
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
