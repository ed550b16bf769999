"""What a cell of a table holds: a value as text or JSON, and a text that is a list."""

import ast
import base64
import io
import json
import math
import re
import tokenize
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paper_tasks.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

# How pandas and Python write that there is none; and a tuple or a set of texts, by its ends.
_NOTHING = ("", "nan", "none", "null")
_TUPLE = re.compile(r"""[({]\s*['"].*['"]\s*,?\s*[)}]""", re.DOTALL)
# Perhaps: a text may end with a blank and a quotation mark.
_SIDE_BY_SIDE = re.compile(r"""['"]\s+['"]""")


def as_text(value: Any) -> str:
    """A cell as CSV has it: lists and numbers as `as_json` has them, nothing as "", text without quotation marks."""
    if not isinstance(value, list | dict | tuple | bool | int | float | None):
        return _as_written(value)
    text = as_json(value)
    return "" if text == "null" else text


def as_json(value: Any, ensure_ascii: bool = False) -> str:
    """JSON that every reader takes: NaN and infinities, which it lacks, as null; bytes as the text that they are in
    UTF-8, else in base64; what else it lacks (a date) as it is written.
    """
    try:
        return json.dumps(value, ensure_ascii=ensure_ascii, default=_as_written, allow_nan=False)
    except ValueError:
        # NaN is rare: only now is a copy made.
        return json.dumps(_finite(value), ensure_ascii=ensure_ascii, default=_as_written)


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


def parse_list(cell: str) -> list[str]:
    """A cell that holds a list: a Python list (as the original's scrapers wrote), a JSON list, or `a; b; c`.

    Raises ValueError for a bracketed cell that is neither.
    """
    cell = cell.strip()
    if cell.lower() in _NOTHING:
        return []
    if cell.startswith("[") or _TUPLE.fullmatch(cell):
        return _literal(cell)
    return _without_blanks(cell.split(";"))


def _without_blanks(items: Iterable[str]) -> list[str]:
    return list(filter(None, map(str.strip, items)))


def _literal(cell: str) -> list[str]:
    try:
        items = json.loads(cell)
    except (ValueError, RecursionError):
        try:
            items = ast.literal_eval(cell)
        except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
            raise ValueError("is no list") from error
        if _SIDE_BY_SIDE.search(cell) and _texts_side_by_side(cell):
            raise ValueError("has two texts without a comma between them") from None
    if not isinstance(items, list | tuple | set) or not all(isinstance(item, str) for item in items):
        raise ValueError("is no list of texts")
    return sorted(items) if isinstance(items, set) else list(items)


def _texts_side_by_side(cell: str) -> bool:
    """As numpy writes a list; Python makes one text of two."""
    kinds = [token.type for token in tokenize.generate_tokens(io.StringIO(cell).readline)]
    return (tokenize.STRING, tokenize.STRING) in pairwise(kind for kind in kinds if kind != tokenize.NL)


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
