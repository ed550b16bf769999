"""Tables of papers, read from CSV, JSON Lines or Parquet; writing.py writes them."""

import bz2
import codecs
import contextlib
import csv
import gzip
import io
import json
import lzma
import os
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from paper_tasks.errors import InputError
from paper_tasks.io.cells import as_text

# pandas takes a second to import, pyarrow a quarter: only for what needs them.
if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

FORMATS = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst")
# Longer than any paper; an unclosed quotation mark would otherwise read the rest of the file as one cell.
LONGEST_CELL = 16_000_000
# Bytes; a file without line ends would otherwise be read whole.
LONGEST_LINE = 64_000_000
# Levels that a row of JSON is nested in besides its own when it is tried: it is written from deeper in the program.
_HEADROOM = 50
# For a ParquetFile: pages are read as they are needed. Otherwise a row group is, which may be the whole file.
BY_PAGES = {"buffer_size": 1 << 20, "pre_buffer": False}
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")
_DAMAGED = (EOFError, OSError, lzma.LZMAError, zlib.error)


@dataclass(frozen=True)
class Row:
    """A row of a table, or why it is none.

    `line` is where it starts in the file, counted from 1; in Parquet, which has no lines, the row's number.
    `column` is where the problem lies, "" if in the row as a whole.
    """

    line: int
    values: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None
    column: str = ""

    @property
    def place(self) -> str:
        """As a sentence has it: line 3, column 'title'."""
        return f"line {self.line}, column '{self.column}'" if self.column else f"line {self.line}"


@dataclass
class Progress:
    """The share of a table that was read, 0 to 1: of its rows in Parquet, else of the file's bytes."""

    share: float = 0.0


def table_format(path: Path) -> str:
    """ "csv", "jsonl" or "parquet", by the file's name. Raises InputError for any other name."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compressed = bool(suffixes) and suffixes[-1] in COMPRESSIONS
    kind = FORMATS.get("".join(suffixes[:-1][-1:] if compressed else suffixes[-1:]))
    if kind is None:
        endings = ", ".join(FORMATS)
        raise InputError(f"{path} has a name that tells no format; it must end in one of {endings} (or .csv.gz).")
    if kind == "parquet" and compressed:
        raise InputError(f"{path}: Parquet is compressed inside, not as a whole; name it without {suffixes[-1]}.")
    return kind


def table_stem(path: Path) -> str:
    """The file's name without what tells its format: "papers" of papers.csv.gz. Raises as `table_format` does."""
    table_format(path)
    stem = path.stem if path.suffix.lower() in COMPRESSIONS else path.name
    return stem.removesuffix(Path(stem).suffix)


def read_rows(path: Path, progress: Progress | None = None) -> Iterator[Row]:
    """Rows in the order of the file, in constant memory; a broken one comes as a Row with a problem.

    Raises InputError if the file is not there, is no table of its format, or breaks off.
    """
    progress = progress or Progress()
    read = {"csv": _csv_rows, "jsonl": _json_rows, "parquet": _parquet_rows}[table_format(path)]
    check_is_file(path)
    line = 0
    try:
        for row in read(path, progress):
            line = row.line
            yield row
    except _DAMAGED as error:
        where = f"breaks off after line {line}" if line else "cannot be read"
        raise InputError(f"{path} {where} ({error}); is it damaged, or another format than its name?") from error


def check_is_file(path: Path) -> None:
    """Raises InputError if there is no file at `path`."""
    if path.is_file():
        return
    what = "is a folder" if path.is_dir() else "is a pipe or a device, and a table is read twice"
    raise InputError(f"{path} {what if path.exists() else 'does not exist'}; name a file with a table.")


def column_names(path: Path) -> list[str]:
    """Of all rows, in the order in which they first come; of JSON Lines, where any row may bring its own, by
    reading the whole file. Raises as `read_rows` does.
    """
    kind = table_format(path)
    if kind == "parquet":
        return parquet_schema(path).names
    names: dict[str, None] = {}
    for row in read_rows(path):
        names |= dict.fromkeys(row.values)
        if kind == "csv" and names:
            break
    return list(names)


def spellings(names: Iterable[str], field: str) -> list[str]:
    """Those of a table's columns that are `field` in some spelling: "Title" is title."""
    return [name for name in names if name.strip().lower() == field]


def read_table(path: Path) -> "pd.DataFrame":
    """The whole table, every column as text and missing values as "".

    Raises InputError for the first broken row, and as `read_rows` does.
    """
    import pandas as pd

    rows = []
    for row in read_rows(path):
        if row.problem:
            raise InputError(f"{path}, {row.place}: {row.problem}; correct or remove the row.")
        rows.append({name: as_text(value) for name, value in row.values.items()})
    if not rows:
        raise InputError(f"{path} holds no rows.")
    return pd.DataFrame(rows, dtype="str").fillna("")


def parquet_schema(path: Path) -> "pa.Schema":
    """Names and types of a Parquet file. Raises InputError if it is none, or has a name twice."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    check_is_file(path)
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path} is no Parquet file ({str(error).splitlines()[0]}).") from error
    check_names(str(path), schema.names)
    return schema


def check_names(place: str, names: list[str]) -> None:
    """Raises InputError for a column that is there twice."""
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{place}: the column '{repeated[0]}' is there more than once; rename one.")


def batch_rows(batch: "pa.RecordBatch", line: int) -> Iterator[Row]:
    """The rows of a batch of Parquet, of which `line` is the number of the first; a broken one with its problem."""
    try:
        yield from (Row(line + place, values) for place, values in enumerate(batch.to_pylist()))
    except (ValueError, OverflowError):
        # Text that is no UTF-8, a date beyond the calendar: whose, one row at a time tells.
        for place in range(len(batch)):
            yield _batch_row(batch.slice(place, 1), line + place)


def _batch_row(row: "pa.RecordBatch", line: int) -> Row:
    values, name = {}, ""
    try:
        for name, cells in zip(row.schema.names, row.columns, strict=True):
            (values[name],) = cells.to_pylist()
    except (ValueError, OverflowError) as error:
        return Row(line, problem=f"cannot be read ({error})", column=name)
    return Row(line, values)


def _lines(path: Path, progress: Progress) -> Iterator[bytes]:
    number = 0
    with path.open("rb") as raw, _decompressed(raw, path.suffix.lower()) as file:
        size = max(1, os.fstat(raw.fileno()).st_size)
        while line := file.readline(LONGEST_LINE):
            number += 1
            if len(line) == LONGEST_LINE:
                raise InputError(f"{path}, line {number} has more than {LONGEST_LINE:,} bytes; is it a table?")
            if number == 1 and line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise InputError(f"{path} is UTF-16; save it as UTF-8.")
            progress.share = raw.tell() / size
            # A byte order mark, as Excel writes it, is no part of the first name.
            yield line.removeprefix(codecs.BOM_UTF8) if number == 1 else line


def _decompressed(raw: IO[bytes], compression: str) -> contextlib.AbstractContextManager[IO[bytes]]:
    if compression == ".gz":
        return gzip.open(raw)
    if compression == ".bz2":
        return bz2.open(raw)
    if compression == ".xz":
        return lzma.open(raw)
    if compression == ".zst":
        import pyarrow as pa

        return io.BufferedReader(pa.CompressedInputStream(raw, "zstd"))
    return contextlib.nullcontext(raw)


def _csv_rows(path: Path, progress: Progress) -> Iterator[Row]:
    yield from _parse_csv(path, (line.decode("utf-8", "surrogateescape") for line in _lines(path, progress)))


def _parse_csv(path: Path, lines: Iterable[str]) -> Iterator[Row]:
    csv.field_size_limit(LONGEST_CELL)
    # Strict, or a stray quotation mark would swallow rows without a word.
    reader = csv.reader(lines, strict=True)
    header: list[str] | None = None
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            if header is None:
                raise InputError(
                    f"{path} is no CSV: its first line cannot be read ({error}); "
                    "commas separate columns, not semicolons or tabs."
                ) from error
            swallowed = f", nor what follows up to line {reader.line_num}" if reader.line_num > line else ""
            yield Row(line, problem=f"cannot be read as CSV{swallowed} ({error})")
            continue
        if header is None:
            # Of a blank line, a spreadsheet may have kept the commas.
            header = _header(path, line, cells) if any(map(str.strip, cells)) else None
        elif not cells:
            continue
        elif len(cells) != len(header):
            yield Row(line, problem=f"has {len(cells)} cells where the header has {len(header)}")
        elif bad := next((name for name, cell in zip(header, cells, strict=True) if _ESCAPED_BYTE.search(cell)), None):
            yield Row(line, problem="is not UTF-8", column=bad)
        else:
            yield Row(line, dict(zip(header, cells, strict=True)))
    if header is None:
        raise InputError(f"{path} is empty; a CSV starts with a line of column names.")


def _header(path: Path, line: int, cells: list[str]) -> list[str]:
    header = [cell.strip() for cell in cells]
    if any("\0" in name or _ESCAPED_BYTE.search(name) for name in header):
        raise InputError(f"{path} is no CSV in UTF-8: its first line holds other bytes; save it as CSV (UTF-8).")
    if len(header) == 1 and (found := re.search("[;\t]", header[0])):
        separator = "semicolons" if found[0] == ";" else "tabs"
        raise InputError(f"{path} separates its columns by {separator}; save it as CSV with commas.")
    check_names(f"{path}, line {line}", header)
    return header


def _json_rows(path: Path, progress: Progress) -> Iterator[Row]:
    empty = True
    for number, line in enumerate(_lines(path, progress), start=1):
        if not line.strip():
            continue
        empty = False
        try:
            values = json.loads(line.decode("utf-8"))
            # What is nested too deeply to be written again is found here, and numbers that are none.
            json.dumps(reduce(lambda inner, _: [inner], range(_HEADROOM), values), allow_nan=False)
        except UnicodeDecodeError:
            yield Row(number, problem="is not UTF-8")
        except (ValueError, RecursionError) as error:
            yield Row(number, problem=f"is no JSON ({error})")
        else:
            if isinstance(values, dict):
                yield Row(number, values)
            else:
                yield Row(number, problem="is no JSON object ({…})")
    if empty:
        raise InputError(f"{path} is empty; JSON Lines has one object a line.")


def _parquet_rows(path: Path, progress: Progress) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    parquet_schema(path)
    try:
        number = 0
        with pq.ParquetFile(path, **BY_PAGES) as file:
            total = file.metadata.num_rows
            for batch in file.iter_batches(batch_size=1024):
                for row in batch_rows(batch, number + 1):
                    number += 1
                    progress.share = number / total
                    yield row
    except pa.ArrowInvalid as error:
        raise InputError(f"{path} is no Parquet file ({str(error).splitlines()[0]}).") from error
