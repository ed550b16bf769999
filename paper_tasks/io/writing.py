"""Files written so that nothing is ever half there: tables of papers in the formats that tables.py reads, and JSON."""

import bz2
import contextlib
import csv
import gzip
import io
import json
import lzma
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paper_tasks.errors import InputError
from paper_tasks.io.cells import as_json, as_text
from paper_tasks.io.tables import table_format

# As in tables.py: pandas and pyarrow are imported where they are used.
if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

# Rows of a Parquet file that are in memory together.
ROW_GROUP = 8192


@contextlib.contextmanager
def write_atomic(path: Path) -> Iterator[Path]:
    """Gives a name to write to in the same folder; the file takes its place at `path` when all went well.

    Raises InputError if the folder is not there or may not be written to.
    """
    with _scratch(path) as scratch:
        yield scratch
        _move(scratch, path)


@contextlib.contextmanager
def _scratch(path: Path) -> Iterator[Path]:
    """An empty file in the folder of `path`, which is gone afterwards, unless it was moved."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror} ({path.parent}).") from error
    # mkstemp makes files for the owner's eyes only; these are for whom the umask says.
    umask = os.umask(0)
    os.umask(umask)
    os.fchmod(handle, 0o666 & ~umask)
    os.close(handle)
    scratch = Path(name)
    try:
        yield scratch
    finally:
        scratch.unlink(missing_ok=True)


def _move(scratch: Path, path: Path) -> None:
    with scratch.open("rb") as file:
        os.fsync(file.fileno())
    scratch.replace(path)


def write_json(path: Path, content: Any, indent: int | None = 2) -> None:
    """Writes JSON, atomically: readable by default; with `indent` 0 lines without blanks, with None a single one."""
    separators = None if indent else (",", ":")
    with write_atomic(path) as scratch:
        text = json.dumps(content, ensure_ascii=False, indent=indent, separators=separators)
        scratch.write_text(text + "\n", encoding="utf-8")


def write_table(path: Path, papers: "pd.DataFrame") -> None:
    """Writes the table in the format of the name, atomically."""
    encoder = RowEncoder(path, list(papers.columns))
    with _scratch(path) as scratch:
        scratch.write_bytes(encoder.head() + encoder.encode(papers.to_dict("records")))
        place_table(scratch, path)


def csv_lines(rows: Iterable[list[Any]]) -> str:
    """Rows of a list of problems as lines of CSV, which end as those of a text file do."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


class RowEncoder:
    """Rows as bytes to append to a file: `head()` first, then `encode()` as often as there are rows, and at the
    end `place_table`. What was appended may be cut back to the end of any call's bytes, and carried on.

    Args:
        like: the table to come; its name tells the format, and the compression.
        columns: those to write. JSON Lines has all that a row has.
        types: of columns that are no text, in Parquet; without one, a column is text, and what is no text JSON.
    """

    def __init__(self, like: Path, columns: list[str], types: "dict[str, pa.DataType] | None" = None) -> None:
        self._kind = table_format(like)
        self._compression = like.suffix.lower()
        self._columns = columns
        if self._kind == "parquet":
            import pyarrow as pa

            kinds = {_encodable(name): (types or {}).get(name, pa.string()) for name in columns}
            self._schema = pa.schema(kinds.items())

    def head(self) -> bytes:
        """What stands before the first row: names of columns, where the format has them."""
        if self._kind == "parquet":
            return self._schema.serialize().to_pybytes()
        return _compress(self._csv([self._columns]), self._compression) if self._kind == "csv" else b""

    def encode(self, rows: list[dict[str, Any]]) -> bytes:
        """The rows; b"" for none."""
        if not rows:
            return b""
        if self._kind == "parquet":
            return self._arrow(rows)
        if self._kind == "csv":
            data = self._csv([as_text(row.get(name)) for name in self._columns] for row in rows)
        else:
            data = b"".join(map(_json_line, rows))
        return _compress(data, self._compression)

    def _csv(self, rows: Iterable[list[str]]) -> bytes:
        text = io.StringIO(newline="")
        csv.writer(text).writerows(rows)
        return text.getvalue().encode("utf-8", "replace")

    def _arrow(self, rows: list[dict[str, Any]]) -> bytes:
        """A message of Arrow's stream format, for a Parquet file cannot be appended to."""
        rows = [{_encodable(name): value for name, value in row.items()} for row in rows]
        return record_batch(rows, self._schema).serialize().to_pybytes()


def record_batch(rows: list[dict[str, Any]], schema: "pa.Schema") -> "pa.RecordBatch":
    """The rows as Arrow has them; in columns of text, what is no text becomes JSON."""
    import pyarrow as pa

    texts = [entry.name for entry in schema if pa.types.is_string(entry.type)]
    rows = [row | {name: _encodable(as_text(row[name])) for name in texts if row.get(name) is not None} for row in rows]
    return pa.RecordBatch.from_pylist(rows, schema=schema)


def place_table(appended: Path, path: Path) -> None:
    """Makes the table at `path` out of the file that a RowEncoder's bytes were appended to, which then is gone.

    A kill at any moment leaves one of the two, or both, and each whole; to do it again then mends the rest. Raises
    InputError if Parquet cannot hold such a table.
    """
    if table_format(path) != "parquet":
        _move(appended, path)
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    # A name that the next run takes again, should this one be killed.
    scratch = appended.with_name(f"{appended.name}.parquet")
    try:
        with (
            appended.open("rb") as file,
            pa.ipc.open_stream(file) as stream,
            pq.ParquetWriter(scratch, stream.schema) as writer,
        ):
            for batches in _groups(stream):
                writer.write_table(pa.Table.from_batches(batches))
        _move(scratch, path)
    except pa.ArrowException as error:
        raise InputError(f"{path} cannot be written: {str(error).splitlines()[0].rstrip('.')}.") from error
    finally:
        scratch.unlink(missing_ok=True)
    appended.unlink()


def _groups(batches: "Iterable[pa.RecordBatch]") -> "Iterator[list[pa.RecordBatch]]":
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


def _json_line(row: dict[str, Any]) -> bytes:
    # A lone surrogate has no UTF-8; JSON can escape it.
    try:
        return as_json(row).encode() + b"\n"
    except UnicodeEncodeError:
        return as_json(row, ensure_ascii=True).encode() + b"\n"


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _compress(data: bytes, compression: str) -> bytes:
    """A member by itself, as all these formats may have several one behind the other."""
    if compression == ".gz":
        return gzip.compress(data, mtime=0)
    if compression == ".bz2":
        return bz2.compress(data)
    if compression == ".xz":
        return lzma.compress(data)
    if compression == ".zst":
        import pyarrow as pa

        return pa.Codec("zstd").compress(data, asbytes=True)
    return data
