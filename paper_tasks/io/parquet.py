"""Parquet, read and written through Arrow. Import it where it is needed: the app and the page have no pyarrow."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from paper_tasks.errors import InputError
from paper_tasks.io.atomic import move, partial_path, write_atomic
from paper_tasks.io.cells import as_text, encodable
from paper_tasks.io.rows import Row, check_names

# Options of a ParquetFile that reads pages as they are needed, not whole row groups: one may be the whole file.
BY_PAGES = {"buffer_size": 1 << 20, "pre_buffer": False}
# Rows of a Parquet file that are in memory together while it is written.
ROW_GROUP = 8192


def read_schema(path: Path) -> pa.Schema:
    """Names and types of a Parquet file's columns. Raises InputError for another file or a repeated name."""
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise _no_parquet(path, error) from error
    check_names(str(path), schema.names)
    return schema


def read_rows(path: Path) -> Iterator[tuple[Row, float]]:
    """Each row, with the share of the file's rows that are read by then. Raises InputError as `read_schema` does."""
    read_schema(path)
    try:
        with pq.ParquetFile(path, **BY_PAGES) as file:
            total, number = file.metadata.num_rows, 0
            for batch in file.iter_batches(batch_size=1024):
                for row in batch_rows(batch, number + 1):
                    number += 1
                    yield row, number / total
    except pa.ArrowInvalid as error:
        raise _no_parquet(path, error) from error


def batch_rows(batch: pa.RecordBatch, first: int) -> Iterator[Row]:
    """The rows of a batch, numbered from `first`; a broken row comes with its problem."""
    try:
        yield from (Row(first + index, values) for index, values in enumerate(batch.to_pylist()))
    except (ValueError, OverflowError):
        # A text that is not UTF-8, or a date beyond the calendar: reading row by row shows which.
        for index in range(len(batch)):
            yield _batch_row(batch.slice(index, 1), first + index)


def schema_of(columns: Iterable[str], types: dict[str, pa.DataType] | None = None) -> pa.Schema:
    """The columns with their types; a column without one is text."""
    return pa.schema({encodable(name): (types or {}).get(name, pa.string()) for name in columns}.items())


def record_batch(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    """The rows as Arrow has them; in columns of text, other values become JSON."""
    texts = [entry.name for entry in schema if pa.types.is_string(entry.type)]
    rows = [{encodable(name): value for name, value in row.items()} for row in rows]
    rows = [row | {name: encodable(as_text(row[name])) for name in texts if row.get(name) is not None} for row in rows]
    return pa.RecordBatch.from_pylist(rows, schema=schema)


def write_rows(path: Path, rows: list[dict[str, Any]], columns: Iterable[str]) -> None:
    """Writes a Parquet file of columns of text, as `write_atomic` has it. Raises InputError."""
    with write_atomic(path) as partial, _refusals(path):
        batch = record_batch(rows, schema_of(columns))
        pq.write_table(pa.Table.from_batches([batch]), partial, row_group_size=ROW_GROUP)


def write_from_stream(stream: Path, path: Path) -> None:
    """Writes the rows of an Arrow stream as Parquet: beside its place first, by a caller who holds a lock.

    Raises OSError, and InputError if Parquet cannot hold such a table.
    """
    partial = partial_path(path)
    try:
        with (
            _refusals(path),
            stream.open("rb") as file,
            pa.ipc.open_stream(file) as batches,
            pq.ParquetWriter(partial, batches.schema) as writer,
        ):
            for group in _groups(batches):
                writer.write_table(pa.Table.from_batches(group))
        move(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    """Turns what Arrow refuses to write into an InputError that names the file."""
    try:
        yield
    except pa.ArrowException as error:
        raise InputError(f"{path} cannot be written: {_first_line(error).rstrip('.')}.") from error


def _batch_row(row: pa.RecordBatch, number: int) -> Row:
    values, name = {}, ""
    try:
        for name, cells in zip(row.schema.names, row.columns, strict=True):
            (values[name],) = cells.to_pylist()
    except (ValueError, OverflowError) as error:
        return Row(number, problem=f"cannot be read ({error})", column=name)
    return Row(number, values)


def _groups(batches: Iterable[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    """Small batches in lists of `ROW_GROUP` rows or somewhat more."""
    group, rows = [], 0
    for batch in batches:
        group.append(batch)
        rows += len(batch)
        if rows >= ROW_GROUP:
            yield group
            group, rows = [], 0
    if group:
        yield group


def _no_parquet(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} is not a Parquet file ({_first_line(error)}).")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
