"""Markdown from Jinja templates, and its place between two marks in a document."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from paper_tasks.errors import InputError
from paper_tasks.io import atomic

MISSING = "–"


def render(template: Path, **context: Any) -> str:
    """Fills a template of Markdown in.

    Its own filters: `number` (1234 as 1,234), `percent` (0.123 as 12%), `decimals` (see `cell`), `signed` (+0.123).
    """
    environment = Environment(
        loader=FileSystemLoader(template.parent),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # A name that is not given is an error, and never an empty text.
        undefined=StrictUndefined,
        autoescape=False,
    )
    environment.filters |= {
        "number": "{:,}".format,
        "percent": "{:.0%}".format,
        "decimals": cell,
        "signed": "{:+.3f}".format,
    }
    return environment.get_template(template.name).render(context)


def table(first: str, columns: Mapping[str, str], rows: Mapping[str, Mapping[str, str]]) -> str:
    """A table in Markdown: `first` is the title of the rows' names. Ends with a line break.

    columns: each key with its title. A row without a key gets a dash; a column that no row has is left out.
    """
    columns = {key: title for key, title in columns.items() if any(key in row for row in rows.values())}
    lines = [f"| {first} | " + " | ".join(columns.values()) + " |", "|---|" + "---:|" * len(columns)]
    for name, row in rows.items():
        lines.append(f"| {name} | " + " | ".join(row.get(key, MISSING) for key in columns) + " |")
    return "\n".join(lines) + "\n"


def cell(value: float | int) -> str:
    """A count with commas; else three decimals, or four for a value that three would make nearly zero."""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4f}" if 0 < value < 0.01 else f"{value:.3f}"


def update_document(document: Path, text: str, marks: tuple[str, str]) -> None:
    """Puts a text between the two marks in a document. Raises InputError if it lacks a mark."""
    before, start, rest = document.read_text(encoding="utf-8").partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not (start and end):
        raise InputError(f"{document} needs the lines '{marks[0]}' and '{marks[1]}': the text goes between them.")
    atomic.write_text(document, f"{before}{start}\n{text}{end}{after}")
