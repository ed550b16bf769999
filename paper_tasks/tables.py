"""Tables of papers, read from CSV, JSON Lines or Parquet and written so that nothing is ever half there."""

import ast
import bz2
import contextlib
import csv
import gzip
import json
import lzma
import os
import re
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pandas as pd

from paper_tasks.errors import InputError

COMPRESSIONS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
FORMATS = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
# Longer than any paper; an unclosed quotation mark would otherwise read the rest of the file as one cell.
LONGEST_CELL = 16_000_000
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")
_DAMAGED = (EOFError, OSError, lzma.LZMAError, zlib.error)


@dataclass(frozen=True)
class Row:
    """A row of a table, or why it is none.

    `line` is where it starts in the file, counted from 1; in Parquet, which has no lines, the row's number.
    """

    line: int
    values: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None


def table_format(path: Path) -> str:
    """ "csv", "jsonl" or "parquet", by the file's name. Raises InputError for any other name."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSIONS:
        suffixes.pop()
    if not suffixes or suffixes[-1] not in FORMATS:
        endings = ", ".join(FORMATS)
        raise InputError(f"{path} has a name that tells no format; it must end in one of {endings} (or .csv.gz).")
    return FORMATS[suffixes[-1]]


def read_rows(path: Path) -> Iterator[Row]:
    """Rows in the order of the file, in constant memory; a broken one comes as a Row with a problem.

    Raises InputError if the file is not there, is no table of its format, or breaks off.
    """
    read = {"csv": _csv_rows, "jsonl": _json_rows, "parquet": _parquet_rows}[table_format(path)]
    if path.is_dir() or not path.exists():
        raise InputError(f"{path} {'is a folder' if path.is_dir() else 'does not exist'}; name a file with a table.")
    line = 0
    try:
        for row in read(path):
            line = row.line
            yield row
    except _DAMAGED as error:
        where = f"breaks off after line {line}" if line else "cannot be read"
        raise InputError(f"{path} {where} ({error}); is it damaged, or another format than its name?") from error


def read_table(path: Path) -> pd.DataFrame:
    """The whole table, every column as text and missing values as "".

    Raises InputError for the first broken row, and as `read_rows` does.
    """
    rows = []
    for row in read_rows(path):
        if row.problem:
            raise InputError(f"{path}, line {row.line}: {row.problem}; correct or remove the row.")
        rows.append({name: as_text(value) for name, value in row.values.items()})
    if not rows:
        raise InputError(f"{path} holds no rows.")
    return pd.DataFrame(rows, dtype="str").fillna("")


def as_text(value: Any) -> str:
    """A cell as CSV has it: text as it is, nothing as "", all else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def parse_list(cell: str) -> list[str]:
    """A cell that holds a list: a Python list (as the original's scrapers wrote), a JSON list, or `a; b; c`.

    Raises ValueError for a bracketed cell that is neither.
    """
    cell = cell.strip()
    if not cell.startswith("["):
        return [item.strip() for item in cell.split(";") if item.strip()]
    try:
        items = json.loads(cell)
    except (ValueError, RecursionError):
        try:
            items = ast.literal_eval(cell)
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            raise ValueError("is no list") from error
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ValueError("is no list of texts")
    return items


def parse_column(column: pd.Series, source: Path) -> list[list[str]]:
    """`parse_list` over a column. Raises InputError that names file, row (from 1) and column."""
    lists = []
    for number, cell in enumerate(column, start=1):
        try:
            lists.append(parse_list(cell))
        except ValueError as error:
            shown = cell if len(cell) <= 40 else cell[:40] + "…"
            raise InputError(
                f"{source}, row {number}, column '{column.name}': '{shown}' {error}; "
                'write ["one", "two"] or one; two.'
            ) from error
    return lists


@contextlib.contextmanager
def write_atomic(path: Path) -> Iterator[Path]:
    """Gives a name to write to in the same folder; the file takes its place at `path` when all went well.

    Raises InputError if the folder is not there or may not be written to.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror} ({path.parent}).") from error
    os.close(handle)
    scratch = Path(name)
    try:
        yield scratch
        with scratch.open("rb") as file:
            os.fsync(file.fileno())
        # mkstemp makes files for the owner's eyes only; these are for whom the umask says.
        umask = os.umask(0)
        os.umask(umask)
        scratch.chmod(0o666 & ~umask)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Writes readable JSON, atomically."""
    with write_atomic(path) as scratch:
        scratch.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def write_table(path: Path, papers: pd.DataFrame) -> None:
    """Writes the table in the format of the name, atomically."""
    with write_atomic(path) as scratch, scratch.open("wb") as file, RowWriter(file, path) as writer:
        writer.write(papers.to_dict("records"))


class RowWriter:
    """Writes rows to `file`, in the format that `like`'s name tells. A context manager.

    The first rows written set the columns. In CSV, lists are written as JSON; in Parquet, columns of `schema`
    keep their types, `lists` are lists of texts or numbers, all others are text.
    """

    def __init__(self, file: IO[bytes], like: Path, schema=None, types: dict[str, Any] | None = None) -> None:
        self._file = file
        self._kind = table_format(like)
        self._schema, self._types = schema, types or {}
        self._columns: list[str] | None = None
        self._parquet = None

    def __enter__(self) -> "RowWriter":
        return self

    def __exit__(self, *_) -> None:
        if self._parquet is not None:
            self._parquet.close()

    def write(self, rows: list[dict[str, Any]]) -> None:
        """Appends the rows, through to the disk's cache: a kill after this loses none of them."""
        if self._columns is None:
            self._columns = list(dict.fromkeys(name for row in rows for name in row))
        {"csv": self._write_csv, "jsonl": self._write_json, "parquet": self._write_parquet}[self._kind](rows)
        self._file.flush()

    def _write_csv(self, rows: list[dict[str, Any]]) -> None:
        text = _Lines()
        writer = csv.writer(text)
        if not self._file.tell():
            writer.writerow(self._columns)
        writer.writerows([as_text(row.get(name)) for name in self._columns] for row in rows)
        self._file.write("".join(text).encode("utf-8", "replace"))

    def _write_json(self, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            # A lone surrogate has no UTF-8; JSON can escape it.
            try:
                line = json.dumps(row, ensure_ascii=False, default=str).encode()
            except UnicodeEncodeError:
                line = json.dumps(row, default=str).encode()
            self._file.write(line + b"\n")

    def _write_parquet(self, rows: list[dict[str, Any]]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self._parquet is None:
            known = {entry.name: entry.type for entry in self._schema or ()} | self._types
            self._schema = pa.schema([(name, known.get(name, pa.string())) for name in self._columns])
            self._parquet = pq.ParquetWriter(self._file, self._schema)
        rows = [
            {
                entry.name: _encodable(as_text(row.get(entry.name)))
                if pa.types.is_string(entry.type) and row.get(entry.name) is not None
                else row.get(entry.name)
                for entry in self._schema
            }
            for row in rows
        ]
        self._parquet.write_table(pa.Table.from_pylist(rows, schema=self._schema))


class _Lines(list):
    """A file-like list of what was written."""

    write = list.append


def parquet_schema(path: Path):
    """The pyarrow schema of a Parquet file; None for a file of another format."""
    if table_format(path) != "parquet":
        return None
    import pyarrow.parquet as pq

    return pq.read_schema(path)


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _open(path: Path) -> IO[bytes]:
    return COMPRESSIONS.get(path.suffix.lower(), open)(path, "rb")


def _csv_rows(path: Path) -> Iterator[Row]:
    with _open(path) as file:
        lines = (line.decode("utf-8", "surrogateescape") for line in file)
        yield from _parse_csv(path, lines)


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
                raise InputError(f"{path} is no CSV: its first line cannot be read ({error}).") from error
            yield Row(line, problem=f"cannot be read as CSV ({error})")
            continue
        if header is None:
            header = _header(path, cells)
        elif not cells:
            continue
        elif len(cells) != len(header):
            yield Row(line, problem=f"has {len(cells)} cells where the header has {len(header)}")
        elif bad := next((name for name, cell in zip(header, cells, strict=True) if _ESCAPED_BYTE.search(cell)), None):
            yield Row(line, problem=f"column '{bad}' is not UTF-8")
        else:
            yield Row(line, dict(zip(header, cells, strict=True)))
    if header is None:
        raise InputError(f"{path} is empty; a CSV starts with a line of column names.")


def _header(path: Path, cells: list[str]) -> list[str]:
    header = [cell.strip() for cell in cells]
    if header:
        header[0] = header[0].removeprefix("\ufeff")
    if any("\0" in name or _ESCAPED_BYTE.search(name) for name in header):
        raise InputError(f"{path} is no CSV in UTF-8: its first line holds other bytes; save it as CSV (UTF-8).")
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise InputError(f"{path}, line 1: the column '{repeated[0]}' is there more than once; rename one.")
    return header


def _json_rows(path: Path) -> Iterator[Row]:
    with _open(path) as file:
        empty = True
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            empty = False
            try:
                values = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
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


def _parquet_rows(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        number = 0
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1024):
                for values in batch.to_pylist():
                    number += 1
                    yield Row(number, values)
    except pa.ArrowInvalid as error:
        raise InputError(f"{path} is no Parquet file ({str(error).splitlines()[0]}).") from error
