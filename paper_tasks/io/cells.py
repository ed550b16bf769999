"""Cells of a table: a value as text or JSON, and a text that is a list."""

import ast
import base64
import json
import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paper_tasks.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

# Texts that stand for an empty cell, as pandas and Python write it.
_EMPTY = ("", "nan", "none", "null")
# A tuple or a set of texts, by its ends.
_TUPLE = re.compile(r"""[({]\s*['"].*['"]\s*,?\s*[)}]""", re.DOTALL)
# Two texts without a comma between them, as numpy prints a list; Python would join them.
_TEXT = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_SIDE_BY_SIDE = re.compile(rf"[\[({{]\s*(?:{_TEXT}\s*,\s*)*{_TEXT}\s+{_TEXT}", re.DOTALL)
# A spreadsheet takes a cell that starts so for a formula; some are in full width.
FORMULA_STARTS = (*"=+-@\t\r\n", *"＝＋－＠")


def as_text(value: Any) -> str:
    """A cell as CSV has it: a text as it is, None as "", other values as `as_json` writes them."""
    if not isinstance(value, list | dict | tuple | bool | int | float | None):
        return _as_written(value)
    text = as_json(value)
    return "" if text == "null" else text


def as_json(value: Any, ensure_ascii: bool = False) -> str:
    """JSON that every reader takes.

    NaN and infinities, which JSON lacks, become null. Bytes become their text in UTF-8, or base64. Other values that
    JSON lacks, such as a date, become their text.
    """
    try:
        return json.dumps(value, ensure_ascii=ensure_ascii, default=_as_written, allow_nan=False)
    except ValueError:
        # NaN is rare, so that a copy is only made now.
        return json.dumps(_finite(value), ensure_ascii=ensure_ascii, default=_as_written)


def without_formula(cell: str) -> str:
    """The cell, with an apostrophe before what a spreadsheet would run as a formula."""
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell


def encodable(text: str) -> str:
    """The text with a question mark for each lone surrogate, which has no UTF-8."""
    return text.encode("utf-8", "replace").decode()


def one_line(text: str | None) -> str:
    """The text with every run of white space, line breaks too, as one space; "" for None."""
    return " ".join((text or "").split())


def parse_list(cell: str) -> list[str]:
    """A cell that holds a list: a Python list (as the original's scrapers wrote), a JSON list, or `a; b; c`.

    Raises ValueError for a cell in brackets that is neither.
    """
    cell = cell.strip()
    if cell.lower() in _EMPTY:
        return []
    if cell.startswith("[") or _TUPLE.fullmatch(cell):
        return _literal(cell)
    return _without_blanks(cell.split(";"))


def parse_column(column: "pd.Series", source: Path) -> list[list[str]]:
    """`parse_list` over a column, without blanks. Raises InputError that names file, row (from 1) and column."""
    lists = []
    for number, cell in enumerate(column, start=1):
        try:
            lists.append(_without_blanks(parse_list(cell)))
        except ValueError as error:
            shown = cell if len(cell) <= 40 else cell[:40] + "…"
            raise InputError(
                f"{source}, row {number}, column '{column.name}': '{shown}' {error}; "
                'write ["one", "two"] or one; two.'
            ) from error
    return lists


def _as_written(value: Any) -> str:
    if not isinstance(value, bytes):
        return str(value)
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return list(map(_finite, value))
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _without_blanks(items: Iterable[str]) -> list[str]:
    return list(filter(None, map(str.strip, items)))


def _literal(cell: str) -> list[str]:
    try:
        items = json.loads(cell)
    except (ValueError, RecursionError):
        if _SIDE_BY_SIDE.match(cell):
            raise ValueError("has two texts without a comma between them") from None
        try:
            items = ast.literal_eval(cell)
        except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
            raise ValueError("is not a list") from error
    if not isinstance(items, list | tuple | set) or not all(isinstance(item, str) for item in items):
        raise ValueError("is not a list of texts")
    return sorted(items) if isinstance(items, set) else list(items)
