"""Turns rows into the bytes of a table, in the formats that tables.py reads."""

import bz2
import csv
import gzip
import io
import lzma
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paper_tasks.io.atomic import move, write_atomic
from paper_tasks.io.cells import as_json, as_text, without_formula
from paper_tasks.io.tables import table_format

# pandas takes a second to import, pyarrow a quarter: only what needs them imports them.
if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def write_table(path: Path, papers: "pd.DataFrame") -> None:
    """Writes the table in the format of the file's name, as `write_atomic` has it; lists become JSON."""
    columns, rows = list(papers.columns), papers.to_dict("records")
    if table_format(path) == "parquet":
        from paper_tasks.io import parquet

        parquet.write_rows(path, rows, columns)
        return
    encoder = RowEncoder(path, columns)
    with write_atomic(path) as partial:
        partial.write_bytes(encoder.head() + encoder.encode(rows))


def csv_lines(rows: Iterable[list[Any]]) -> str:
    """Rows of a list of problems as lines of CSV; they end as those of a text file."""
    return _csv_text(rows, line_end="\n")


class RowEncoder:
    """Turns rows into bytes to append to a file: `head()` comes first, then `encode()` for some rows at a time.

    At the end, `place_table` makes the table out of the file. Until then a run may cut the file back to the end of any
    call's bytes, and go on from there.

    Args:
        like: path of the table; its name says the format and the compression.
        columns: the columns to write. JSON Lines has every column that a row has.
        types: of columns in Parquet; a column without a type is text, and other values in it become JSON.
        excel_safe: puts an apostrophe before cells of CSV that a spreadsheet would run as a formula.
    """

    def __init__(
        self,
        like: Path,
        columns: list[str],
        types: "dict[str, pa.DataType] | None" = None,
        excel_safe: bool = False,
    ) -> None:
        self._kind = table_format(like)
        self._compression = like.suffix.lower()
        self._columns = columns
        self._excel_safe = excel_safe
        if self._kind == "parquet":
            from paper_tasks.io import parquet

            self._schema = parquet.schema_of(columns, types)

    def head(self) -> bytes:
        """The bytes before the first row: the names of the columns, if the format has them."""
        if self._kind == "parquet":
            return bytes(self._schema.serialize())
        return _compress(self._csv([self._columns]), self._compression) if self._kind == "csv" else b""

    def encode(self, rows: list[dict[str, Any]]) -> bytes:
        """The rows; b"" for none. Parquet cannot be appended to: its rows are a message of an Arrow stream."""
        if not rows:
            return b""
        if self._kind == "parquet":
            from paper_tasks.io import parquet

            return bytes(parquet.record_batch(rows, self._schema).serialize())
        if self._kind == "csv":
            data = self._csv([as_text(row.get(name)) for name in self._columns] for row in rows)
        else:
            data = b"".join(map(_json_line, rows))
        return _compress(data, self._compression)

    def _csv(self, rows: Iterable[list[str]]) -> bytes:
        if self._excel_safe:
            rows = (list(map(without_formula, cells)) for cells in rows)
        return _csv_text(rows).encode("utf-8", "replace")


def place_table(appended: Path, path: Path) -> None:
    """Makes the table at `path` out of the file with a RowEncoder's bytes, and removes that file.

    After a kill at any moment one of the two is there, or both, and each is whole; a second call does the rest. Raises
    OSError, and InputError if Parquet cannot hold such a table.
    """
    if table_format(path) != "parquet":
        move(appended, path)
        return
    from paper_tasks.io import parquet

    parquet.write_from_stream(appended, path)
    appended.unlink()


def _csv_text(rows: Iterable[list[Any]], line_end: str = "\r\n") -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=line_end).writerows(rows)
    return text.getvalue()


def _json_line(row: dict[str, Any]) -> bytes:
    # A lone surrogate has no UTF-8; JSON can escape it.
    try:
        return as_json(row).encode() + b"\n"
    except UnicodeEncodeError:
        return as_json(row, ensure_ascii=True).encode() + b"\n"


def _compress(data: bytes, compression: str) -> bytes:
    """A member of a compressed file. All these formats may have several members, one behind the other."""
    if compression == ".gz":
        return gzip.compress(data, mtime=0)
    if compression == ".bz2":
        return bz2.compress(data)
    if compression == ".xz":
        return lzma.compress(data)
    if compression == ".zst":
        import pyarrow as pa

        return bytes(pa.Codec("zstd").compress(data))
    return data
