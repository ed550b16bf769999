"""Tables of papers, read row by row from CSV, JSON Lines or Parquet; encoder.py writes them."""

import bz2
import codecs
import contextlib
import csv
import gzip
import io
import json
import lzma
import math
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from paper_tasks.errors import InputError
from paper_tasks.io.cells import as_text
from paper_tasks.io.rows import Row, check_names, has_text_column

# pandas takes a second to import, pyarrow a quarter: only what needs them imports them.
if TYPE_CHECKING:
    import pandas as pd

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
# Characters; a file without line ends would otherwise be read whole.
LONGEST_LINE = 64_000_000
# Levels of lists and objects in a row of JSON. Python can read more of them than it can write again.
MOST_LEVELS = 100
_TOO_DEEP = f"has more than {MOST_LEVELS} lists or objects in each other"
_SEPARATORS = {";": "semicolons", "\t": "tabs"}
# What every .xlsx starts with, for it is a ZIP archive.
_ZIP = b"PK\3\4"
_DAMAGED = (EOFError, OSError, lzma.LZMAError, zlib.error)


@dataclass
class Progress:
    """The share of a table that is read, 0 to 1: of its rows in Parquet, else of the file's bytes."""

    share: float = 0.0


def table_format(path: Path) -> str:
    """ "csv", "jsonl" or "parquet", by the file's name. Raises InputError for any other name."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compressed = bool(suffixes) and suffixes[-1] in COMPRESSIONS
    kind = FORMATS.get("".join(suffixes[:-1][-1:] if compressed else suffixes[-1:]))
    if kind is None:
        endings = ", ".join(FORMATS)
        raise InputError(f"{path}: the name does not say the format; it must end in one of {endings} (or .csv.gz).")
    if kind == "parquet" and compressed:
        raise InputError(f"{path}: Parquet is compressed inside, not as a whole; name it without {suffixes[-1]}.")
    return kind


def table_stem(path: Path) -> str:
    """The file's name without what names its format: "papers" of papers.csv.gz. Raises as `table_format` does."""
    table_format(path)
    stem = path.stem if path.suffix.lower() in COMPRESSIONS else path.name
    return stem.removesuffix(Path(stem).suffix)


def read_rows(path: Path, progress: Progress | None = None) -> Iterator[Row]:
    """The rows in the order of the file, in constant memory; a broken row comes with its problem.

    Raises InputError if the file does not exist, is not a table of its format, or breaks off.
    """
    read = {"csv": _csv_rows, "jsonl": _json_rows, "parquet": _parquet_rows}[table_format(path)]
    check_is_file(path)
    line = 0
    try:
        for row in read(path, progress or Progress()):
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
    """The columns of all rows, in the order in which they first come. Raises as `read_rows` does.

    Any row of JSON Lines may bring columns of its own: that file is read whole.
    """
    kind = table_format(path)
    if kind == "parquet":
        from paper_tasks.io import parquet

        check_is_file(path)
        return list(parquet.read_schema(path).names)
    names: dict[str, None] = {}
    for row in read_rows(path):
        names |= dict.fromkeys(row.values)
        if kind == "csv" and names:
            break
    return list(names)


def read_table(path: Path) -> "pd.DataFrame":
    """The whole table, every column as text and missing values as "".

    Raises InputError for the first broken row, and as `read_rows` does.
    """
    import pandas as pd

    rows = []
    for row in read_rows(path):
        if row.problem:
            raise InputError(f"{path}, {row.position}: {row.problem}; correct or remove the row.")
        rows.append({name: as_text(value) for name, value in row.values.items()})
    if not rows:
        raise InputError(f"{path} holds no rows.")
    return pd.DataFrame(rows, dtype="str").fillna("")


def _lines(path: Path, progress: Progress) -> Iterator[str]:
    """The lines with their ends; bytes that are not UTF-8 are escaped."""
    with path.open("rb") as raw, _decompressed(raw, path.suffix.lower()) as file:
        _check_start(path, file)
        size = max(1, os.fstat(raw.fileno()).st_size)
        # \r, \n and \r\n end lines and stay in them, as the module csv wants them.
        text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
        number = 0
        while line := text.readline(LONGEST_LINE):
            number += 1
            if len(line) == LONGEST_LINE:
                raise InputError(f"{path}, line {number} has more than {LONGEST_LINE:,} characters; is it a table?")
            progress.share = raw.tell() / size
            yield line


def _check_start(path: Path, file: Any) -> None:
    """Skips a byte order mark, as Excel writes it. Raises InputError for UTF-16 and for a spreadsheet."""
    start = file.peek(4)[:4]
    if start.startswith(codecs.BOM_UTF8):
        file.read(len(codecs.BOM_UTF8))
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(f"{path} is UTF-16; save it as UTF-8.")
    if start.startswith(_ZIP):
        raise InputError(f"{path} is a spreadsheet or an archive, not text; save it as CSV.")


def _decompressed(raw: IO[bytes], compression: str) -> contextlib.AbstractContextManager[Any]:
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
    csv.field_size_limit(LONGEST_CELL)
    # Strict: else a stray quotation mark would swallow rows in silence.
    reader = csv.reader(_lines(path, progress), strict=True)
    header: list[str] | None = None
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            if header is None:
                _check_separator(path, columns=1)
                raise InputError(f"{path} is not CSV: its first line cannot be read ({error}); correct it.") from error
            swallowed = f", nor what follows up to line {reader.line_num}" if reader.line_num > line else ""
            yield Row(line, problem=f"cannot be read as CSV{swallowed} ({error})")
            continue
        if header is None:
            # A spreadsheet may keep the commas of a blank line.
            header = _header(path, line, cells) if any(map(str.strip, cells)) else None
        elif not cells:
            continue
        elif len(cells) != len(header):
            yield Row(line, problem=f"has {len(cells)} cells where the header has {len(header)}")
        elif bad := [name for name, cell in zip(header, cells, strict=True) if not _is_utf8(cell)]:
            yield Row(line, problem="is not UTF-8", column=bad[0])
        else:
            yield Row(line, dict(zip(header, cells, strict=True)))
    if header is None:
        raise InputError(f"{path} is empty; a CSV starts with a line of column names.")


def _header(path: Path, line: int, cells: list[str]) -> list[str]:
    header = [cell.strip() for cell in cells]
    if any("\0" in name or not _is_utf8(name) for name in header):
        raise InputError(f"{path} is not CSV in UTF-8: its first line holds other bytes; save it as CSV (UTF-8).")
    if len(header) == 1 or not has_text_column(header):
        _check_separator(path, len(header))
    check_names(f"{path}, line {line}", header)
    return header


def _check_separator(path: Path, columns: int) -> None:
    """Raises InputError if another separator than the comma fits the first line, where commas find so many columns."""
    line = next(filter(str.strip, _lines(path, Progress())), "")
    for separator, name in _SEPARATORS.items():
        with contextlib.suppress(csv.Error):
            (names,) = csv.reader([line], delimiter=separator, strict=True)
            if len(names) > 1 and (columns == 1 or has_text_column(names)):
                raise InputError(f"{path} separates its columns by {name}; save it as CSV with commas.")


def _json_rows(path: Path, progress: Progress) -> Iterator[Row]:
    # Python reads NaN, and reads 1e999 as infinity. JSON has neither, so that they could not be written again.
    decoder = json.JSONDecoder(parse_float=_finite_number, parse_constant=_finite_number)
    empty = True
    for number, line in enumerate(_lines(path, progress), start=1):
        if not line.strip():
            continue
        empty = False
        try:
            values = decoder.decode(line)
        except (ValueError, RecursionError) as error:
            yield Row(number, problem=_json_problem(line, error))
            continue
        if not isinstance(values, dict):
            yield Row(number, problem="is not a JSON object ({…})")
        elif not _is_utf8(line):
            yield Row(number, problem="is not UTF-8")
        elif line.count("[") + line.count("{") > MOST_LEVELS and _is_deep(values):
            yield Row(number, problem=_TOO_DEEP)
        else:
            yield Row(number, values)
    if empty:
        raise InputError(f"{path} is empty; JSON Lines has one object a line.")


def _json_problem(line: str, error: Exception) -> str:
    if not _is_utf8(line):
        return "is not UTF-8"
    if isinstance(error, RecursionError):
        return _TOO_DEEP
    if isinstance(error, json.JSONDecodeError):
        return f"is not JSON ({error.msg}, character {error.colno})"
    return f"is not JSON ({error})"


def _finite_number(text: str) -> float:
    if math.isfinite(number := float(text)):
        return number
    raise ValueError(f"{text} is not a number of JSON")


def _is_deep(value: Any) -> bool:
    """Whether lists and objects lie in each other for more than `MOST_LEVELS` levels."""
    level = [value]
    for _ in range(MOST_LEVELS):
        level = [
            inner
            for outer in level
            if isinstance(outer, list | dict)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return bool(level)


def _parquet_rows(path: Path, progress: Progress) -> Iterator[Row]:
    from paper_tasks.io import parquet

    for row, progress.share in parquet.read_rows(path):
        yield row


def _is_utf8(text: str) -> bool:
    """Whether the text has no byte that could not be decoded, and was escaped."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
