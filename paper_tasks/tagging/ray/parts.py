"""Parquet by the folder, on a disk or behind a URI: cut into parts that any worker can read and write by itself."""

import os
import re
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate, pairwise, zip_longest
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from paper_tasks.errors import InputError
from paper_tasks.io import writing
from paper_tasks.io.tables import BY_PAGES, Row, batch_rows, check_names

# Rows of a part, unless told otherwise.
PART = 4096
# In the folder from the start, with a name for the run; and when all parts are, as Hadoop and Spark have it.
BEGUN, DONE = ".part-begun-", "_SUCCESS"
_OURS = re.compile(r"part-\d+-\d+\.parquet|\.part-\S+\.tmp|" + DONE)


@contextmanager
def told(name: str, done: str = "read") -> Iterator[None]:
    """Turns what pyarrow says of a file into an InputError that names it."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        why = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise InputError(f"{name} cannot be {done}: {why}.") from error


@dataclass(frozen=True)
class RemotePath:
    """A file or folder on any file system that pyarrow knows; `name` is how the user wrote it."""

    name: str
    system: fs.FileSystem
    path: str

    @classmethod
    def of(cls, name: str) -> "RemotePath":
        """From a path, or a URI such as s3://bucket/folder. Raises InputError for a URI that is not understood."""
        if "://" not in name:
            return cls(name, fs.LocalFileSystem(), os.path.abspath(name))
        with told(name):
            return cls(name, *fs.FileSystem.from_uri(name))

    def __truediv__(self, child: str) -> "RemotePath":
        return RemotePath(f"{self.name.rstrip('/')}/{child}", self.system, f"{self.path.rstrip('/')}/{child}")

    def beside(self, ending: str) -> "RemotePath":
        """The neighbour whose name is this one's and `ending`."""
        return RemotePath(self.name.rstrip("/") + ending, self.system, self.path.rstrip("/") + ending)

    def holds(self, other: "RemotePath") -> bool:
        """Whether the other is this place or lies in it; on this machine through links, too."""
        real = os.path.realpath if isinstance(self.system, fs.LocalFileSystem) else str
        return self.system == other.system and f"{real(other.path)}/".startswith(f"{real(self.path)}/")

    def info(self) -> fs.FileInfo:
        """Whether there is something, and what. Raises InputError if that cannot be told."""
        with told(self.name):
            return self.system.get_file_info(self.path)


@dataclass(frozen=True)
class Partition:
    """Rows `first` to before `stop` of a file, counted from 0. Parts in the order of their names are the input."""

    file: str
    first: int
    stop: int
    name: str


def find_parts(source: RemotePath, part_rows: int = PART) -> tuple[list[Partition], pa.Schema]:
    """The parts of all Parquet files in `source` (a folder, or one such file), and the columns they share.

    Files come in the order of their names. A column that is empty in some of them, and so has no type there, has
    that of the others. Raises InputError if there are no files, or one is damaged or has other columns.
    """
    kind = source.info().type
    if kind == fs.FileType.NotFound:
        raise InputError(f"{source.name} does not exist; name a Parquet file, or a folder of them.")
    names = _parquet_files(source) if kind == fs.FileType.Directory else [""]
    if not names:
        raise InputError(f"{source.name} holds no .parquet file; --engine local reads other formats.")
    parts, schema = [], None
    for number, name in enumerate(names):
        file = source / name if name else source
        with told(file.name), file.system.open_input_file(file.path) as raw, pq.ParquetFile(raw) as parquet:
            rows, columns = parquet.metadata.num_rows, parquet.schema_arrow.remove_metadata()
        schema = schema or columns
        check_names(file.name, columns.names)
        if other := _difference(schema, columns):
            first = (source / names[0]).name
            raise InputError(f"{file.name} has other columns than {first} ({other}); put such files in a folder each.")
        schema = pa.unify_schemas([schema, columns])
        for start in range(0, rows, part_rows):
            parts.append(Partition(name, start, min(start + part_rows, rows), f"part-{number:06}-{start:010}.parquet"))
    return parts, schema


def read_part(source: RemotePath, part: Partition) -> Iterator[Row]:
    """The rows, each with its number in the file (from 1). Raises InputError if the file cannot be read."""
    file = source / part.file if part.file else source
    with told(file.name), file.system.open_input_file(file.path) as raw, pq.ParquetFile(raw, **BY_PAGES) as parquet:
        sizes = [parquet.metadata.row_group(group).num_rows for group in range(parquet.num_row_groups)]
        bounds = list(pairwise(accumulate(sizes, initial=0)))
        groups = [group for group, (start, stop) in enumerate(bounds) if start < part.stop and stop > part.first]
        row = bounds[groups[0]][0]
        for batch in parquet.iter_batches(batch_size=1024, row_groups=groups):
            wanted = batch.slice(max(0, part.first - row), max(0, part.stop - max(row, part.first)))
            yield from batch_rows(wanted, max(row, part.first) + 1)
            row += len(batch)
            if row >= part.stop:
                return


def write_part(output: RemotePath, part: Partition, schema: pa.Schema, chunks: Iterable[list[dict[str, Any]]]) -> None:
    """Writes a part whole or not at all, however often it is tried. Raises InputError if it cannot be written."""
    place, scratch = output / part.name, output / f".{part.name}.{uuid.uuid4().hex}.tmp"
    with told(place.name, "written"):
        with scratch.system.open_output_stream(scratch.path) as raw, pq.ParquetWriter(raw, schema) as writer:
            for rows in chunks:
                writer.write_batch(writing.record_batch(rows, schema))
        scratch.system.move(scratch.path, place.path)


def problems_place(output: RemotePath) -> RemotePath:
    """The list of rows that could not be tagged; not there if all could."""
    return output.beside(".problems.csv")


def begin(source: RemotePath, output: RemotePath, overwrite: bool) -> str:
    """Makes `output` an empty folder without a list of problems, and gives what `end` knows the run by.

    Raises InputError if something is in the way, or not ours to remove.
    """
    if source.holds(output):
        raise InputError(f"{output.name} lies in the input itself; name another folder for the output.")
    if output.holds(source):
        raise InputError(f"{output.name} holds the input; name another folder for the output.")
    info = output.info()
    if info.type == fs.FileType.File:
        raise InputError(f"{output.name} is a file; --engine ray writes a folder of Parquet files.")
    with told(output.name, "written"):
        found = output.system.get_file_info(fs.FileSelector(output.path, allow_not_found=True))
        if found and not overwrite:
            whole = any(entry.base_name == DONE for entry in found)
            state = "exists already" if whole else "holds other files, or parts of a run that broke off"
            raise InputError(f"{output.name} {state}; --overwrite replaces the parts of an earlier run.")
        problems = problems_place(output)
        listed = problems.info().type == fs.FileType.File
        if listed and not overwrite:
            raise InputError(f"{problems.name} exists already; move it away, or replace it with --overwrite.")
        for entry in found:
            if not _OURS.fullmatch(entry.base_name):
                raise InputError(f"{entry.path} is no part of an earlier run; name an empty folder for the output.")
        for entry in found:
            output.system.delete_file(entry.path)
        if listed:
            output.system.delete_file(problems.path)
        output.system.create_dir(output.path, recursive=True)
        # Until a first part is there, another run would take the folder for its own.
        run = f"{BEGUN}{uuid.uuid4().hex}.tmp"
        with output.system.open_output_stream((output / run).path):
            pass
    return run


def end(output: RemotePath, run: str, planned: Iterable[Partition]) -> None:
    """Removes what dead workers left and puts DONE beside the parts.

    Raises InputError if another run than `run` has begun there, or other parts are there than those planned.
    """
    with told(output.name, "written"):
        found = output.system.get_file_info(fs.FileSelector(output.path))
        names = {entry.base_name for entry in found if entry.base_name.startswith((BEGUN, "part-"))}
        if names != {run, *(part.name for part in planned)}:
            raise InputError(
                f"{output.name} is no longer as this run left it: another run has begun there, or parts were removed; "
                "tag again when no other is at it."
            )
        for entry in found:
            if entry.base_name.endswith(".tmp"):
                output.system.delete_file(entry.path)
        with output.system.open_output_stream((output / DONE).path):
            pass


def _difference(known: pa.Schema, other: pa.Schema) -> str:
    """The first column in which they differ, and how; "" if they are the same but for columns that are empty in one."""
    for before, here in zip_longest(known, other):
        if before is None or here is None or before.name != here.name:
            return f"from '{(here or before).name}' on"
        if before.type != here.type and pa.null() not in (before.type, here.type):
            return f"'{here.name}' is {here.type}, elsewhere {before.type}"
    return ""


def _parquet_files(folder: RemotePath) -> list[str]:
    """Paths in the folder, without those that readers of Parquet pass over (_SUCCESS, .part.tmp)."""
    with told(folder.name):
        found = folder.system.get_file_info(fs.FileSelector(folder.path, recursive=True))
    names = [entry.path[len(folder.path) :].lstrip("/") for entry in found if entry.type == fs.FileType.File]
    hidden = re.compile(r"(^|/)[._]")
    return sorted(name for name in names if name.endswith((".parquet", ".pq")) and not hidden.search(name))
