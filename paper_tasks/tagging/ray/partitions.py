"""Parquet files on any storage, cut into partitions that each worker can read and write by itself."""

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
from paper_tasks.io import parquet
from paper_tasks.io.parquet import BY_PAGES, batch_rows
from paper_tasks.io.rows import Row, check_names

# Rows of a partition by default.
PARTITION_ROWS = 4096
# The output folder holds a file of the first name from the start, with an id of the run. It gets a file of the
# second name when all partitions are there, as Hadoop and Spark do it.
RUN_PREFIX, SUCCESS = ".part-begun-", "_SUCCESS"
_OURS = re.compile(r"part-\d+-\d+\.parquet|\.part-\S+\.tmp|" + SUCCESS)


@contextmanager
def storage_errors(name: str, action: str = "read") -> Iterator[None]:
    """Turns an error of pyarrow or of the storage into an InputError that names the file."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise InputError(f"{name} cannot be {action}: {reason}.") from error


@dataclass(frozen=True)
class RemotePath:
    """A file or folder on any file system that pyarrow knows; `name` is what the user wrote."""

    name: str
    system: fs.FileSystem
    path: str

    @classmethod
    def parse(cls, name: str) -> "RemotePath":
        """From a path, or a URI such as s3://bucket/folder. Raises InputError for a URI that pyarrow cannot read."""
        if "://" not in name:
            return cls(name, fs.LocalFileSystem(), os.path.abspath(name))
        with storage_errors(name):
            return cls(name, *fs.FileSystem.from_uri(name))

    def __truediv__(self, child: str) -> "RemotePath":
        return RemotePath(f"{self.name.rstrip('/')}/{child}", self.system, f"{self.path.rstrip('/')}/{child}")

    def with_ending(self, ending: str) -> "RemotePath":
        """The path beside this one whose name has `ending` appended."""
        return RemotePath(self.name.rstrip("/") + ending, self.system, self.path.rstrip("/") + ending)

    def contains(self, other: "RemotePath") -> bool:
        """Whether `other` is this path or lies in it; on this machine, symbolic links are followed."""
        real = os.path.realpath if isinstance(self.system, fs.LocalFileSystem) else str
        return self.system == other.system and f"{real(other.path)}/".startswith(f"{real(self.path)}/")

    def info(self) -> fs.FileInfo:
        """Whether the path exists, and as what. Raises InputError if the storage does not answer."""
        with storage_errors(self.name):
            return self.system.get_file_info(self.path)


@dataclass(frozen=True)
class Partition:
    """Rows `start` to before `stop` of a file, counted from 0. Partitions sorted by name are the input in its order."""

    file: str
    start: int
    stop: int
    name: str


def find_partitions(source: RemotePath, rows: int = PARTITION_ROWS) -> tuple[list[Partition], pa.Schema]:
    """The partitions of all Parquet files in `source` (a folder, or one such file), and the schema they share.

    Files are sorted by name. A column that is empty in some files has no type there, and takes that of the others.
    Raises InputError if there is no file, or one is damaged or has other columns than the first.
    """
    kind = source.info().type
    if kind == fs.FileType.NotFound:
        raise InputError(f"{source.name} does not exist; name a Parquet file, or a folder of them.")
    names = _parquet_files(source) if kind == fs.FileType.Directory else [""]
    if not names:
        raise InputError(f"{source.name} holds no .parquet file; --engine local reads other formats.")
    partitions, schema = [], None
    for number, name in enumerate(names):
        file = source / name if name else source
        with storage_errors(file.name), file.system.open_input_file(file.path) as raw, pq.ParquetFile(raw) as parquet:
            file_rows, columns = parquet.metadata.num_rows, parquet.schema_arrow.remove_metadata()
        schema = schema or columns
        check_names(file.name, columns.names)
        if difference := _difference(schema, columns):
            first = (source / names[0]).name
            raise InputError(
                f"{file.name} has other columns than {first} ({difference}); put each kind into its own folder."
            )
        schema = pa.unify_schemas([schema, columns])
        for start in range(0, file_rows, rows):
            partition_name = f"part-{number:06}-{start:010}.parquet"
            partitions.append(Partition(name, start, min(start + rows, file_rows), partition_name))
    return partitions, schema


def read_partition(source: RemotePath, partition: Partition) -> Iterator[Row]:
    """The rows, each with its number in the file (from 1). Raises InputError if the file cannot be read."""
    file = source / partition.file if partition.file else source
    with (
        storage_errors(file.name),
        file.system.open_input_file(file.path) as raw,
        pq.ParquetFile(raw, **BY_PAGES) as parquet,
    ):
        sizes = [parquet.metadata.row_group(group).num_rows for group in range(parquet.num_row_groups)]
        bounds = list(pairwise(accumulate(sizes, initial=0)))
        groups = [
            group for group, (start, stop) in enumerate(bounds) if start < partition.stop and stop > partition.start
        ]
        row = bounds[groups[0]][0]
        for batch in parquet.iter_batches(batch_size=1024, row_groups=groups):
            first = max(row, partition.start)
            yield from batch_rows(batch.slice(first - row, max(0, partition.stop - first)), first + 1)
            row += len(batch)
            if row >= partition.stop:
                return


def write_partition(
    output: RemotePath, partition: Partition, schema: pa.Schema, chunks: Iterable[list[dict[str, Any]]]
) -> None:
    """Writes a partition whole or not at all, however often it is tried. Raises InputError if it cannot be written."""
    path, scratch = output / partition.name, output / f".{partition.name}.{uuid.uuid4().hex}.tmp"
    with storage_errors(path.name, "written"):
        with scratch.system.open_output_stream(scratch.path) as raw, pq.ParquetWriter(raw, schema) as writer:
            for rows in chunks:
                writer.write_batch(parquet.record_batch(rows, schema))
        scratch.system.move(scratch.path, path.path)


def problems_path(output: RemotePath) -> RemotePath:
    """The list of rows that could not be tagged; there is no such file if all could."""
    return output.with_ending(".problems.csv")


def start_run(source: RemotePath, output: RemotePath, overwrite: bool) -> str:
    """Makes `output` an empty folder, removes an old list of problems, and returns the run's id for `finish_run`.

    Raises InputError if another file or folder is in the way, or holds files that no run of ours wrote.
    """
    if source.contains(output):
        raise InputError(f"{output.name} lies in the input itself; name another folder for the output.")
    if output.contains(source):
        raise InputError(f"{output.name} holds the input; name another folder for the output.")
    if output.info().type == fs.FileType.File:
        raise InputError(f"{output.name} is a file; --engine ray writes a folder of Parquet files.")
    with storage_errors(output.name, "written"):
        found = output.system.get_file_info(fs.FileSelector(output.path, allow_not_found=True))
        if found and not overwrite:
            is_complete = any(entry.base_name == SUCCESS for entry in found)
            state = "exists already" if is_complete else "holds other files, or parts of an interrupted run"
            raise InputError(f"{output.name} {state}; --overwrite replaces the parts of an earlier run.")
        problems = problems_path(output)
        has_problems = problems.info().type == fs.FileType.File
        if has_problems and not overwrite:
            raise InputError(f"{problems.name} exists already; move it away, or replace it with --overwrite.")
        for entry in found:
            if not _OURS.fullmatch(entry.base_name):
                raise InputError(f"{entry.path} is no part of an earlier run; name an empty folder for the output.")
        for entry in found:
            output.system.delete_file(entry.path)
        if has_problems:
            output.system.delete_file(problems.path)
        output.system.create_dir(output.path, recursive=True)
        # Without this file, another run would take the folder for empty until a first partition is written.
        run = f"{RUN_PREFIX}{uuid.uuid4().hex}.tmp"
        with output.system.open_output_stream((output / run).path):
            pass
    return run


def finish_run(output: RemotePath, run: str, planned: Iterable[Partition]) -> None:
    """Removes what dead workers left and writes SUCCESS beside the partitions.

    Raises InputError if another run has started in the folder, or its partitions are not those planned.
    """
    with storage_errors(output.name, "written"):
        found = output.system.get_file_info(fs.FileSelector(output.path))
        names = {entry.base_name for entry in found if entry.base_name.startswith((RUN_PREFIX, "part-"))}
        if names != {run, *(partition.name for partition in planned)}:
            raise InputError(
                f"{output.name} has changed during this run: another run started there, or parts were removed; "
                "tag again when no other run uses the folder."
            )
        for entry in found:
            if entry.base_name.endswith(".tmp"):
                output.system.delete_file(entry.path)
        with output.system.open_output_stream((output / SUCCESS).path):
            pass


def _difference(first: pa.Schema, other: pa.Schema) -> str:
    """The first column in which two schemas differ, and how; "" if all differences are columns empty in one of them."""
    for ours, theirs in zip_longest(first, other):
        if ours is None or theirs is None or ours.name != theirs.name:
            return f"from '{(theirs or ours).name}' on"
        if ours.type != theirs.type and pa.null() not in (ours.type, theirs.type):
            return f"'{theirs.name}' is {theirs.type}, elsewhere {ours.type}"
    return ""


def _parquet_files(folder: RemotePath) -> list[str]:
    """Sorted paths in the folder, without those that Parquet readers skip (_SUCCESS, .part.tmp)."""
    with storage_errors(folder.name):
        found = folder.system.get_file_info(fs.FileSelector(folder.path, recursive=True))
    names = [entry.path[len(folder.path) :].lstrip("/") for entry in found if entry.type == fs.FileType.File]
    hidden = re.compile(r"(^|/)[._]")
    return sorted(name for name in names if name.endswith((".parquet", ".pq")) and not hidden.search(name))
