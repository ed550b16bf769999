"""A row of a table: its values, or why it cannot be read; and the paper that it holds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from paper_tasks.errors import InputError
from paper_tasks.tagger.text import format_paper, has_words

if TYPE_CHECKING:
    from paper_tasks.tagger.classifier import Tag

# The columns that tagging adds: tasks that a paper works on, tasks that also fit it, and the probabilities of both.
TAG_COLUMNS = (TASKS, PROBABILITIES, ALSO_TASKS, ALSO_PROBABILITIES) = (
    "predicted_tasks",
    "probabilities",
    "also_tasks",
    "also_probabilities",
)
# Decimals of a probability in a table.
DIGITS = 4
TEXTS = ("title", "abstract")


@dataclass(frozen=True)
class Row:
    """A row of a table, or the problem with it.

    `line` is where the row starts in the file, from 1; in Parquet, which has no lines, the row's number from 1.
    `column` names the column with the problem; it is "" if the problem is with the whole row.
    """

    line: int
    values: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None
    column: str = ""

    @property
    def position(self) -> str:
        """The line and the column as a sentence has them: line 3, column 'title'."""
        return f"line {self.line}, column '{self.column}'" if self.column else f"line {self.line}"


def spellings(names: Iterable[str], field: str) -> list[str]:
    """The columns among `names` that are `field` in some spelling: "Title" and " TITLE " are title."""
    return [name for name in names if name.strip().lower() == field]


def find_text(values: Mapping[str, Any], field: str) -> tuple[str, Any]:
    """The column that is `field` in some spelling, and its value; "" for None and if there is no such column.

    A row may have several such columns, as in a table of mixed spellings: the first one with a value counts.
    """
    names = spellings(values, field) or [field]
    name = next((name for name in names if values.get(name)), names[0])
    return name, values.get(name) or ""


def paper_texts(values: Mapping[str, Any]) -> tuple[Any, Any]:
    """Title and abstract of a row, however its columns are spelled. Texts, if `check_paper` found no problem."""
    return find_text(values, "title")[1], find_text(values, "abstract")[1]


def check_paper(row: Row) -> Row:
    """The row; it gets a problem if its title or abstract is not text, or if they have no word."""
    if row.problem:
        return row
    texts = []
    for name in TEXTS:
        column, text = find_text(row.values, name)
        if not isinstance(text, str):
            return replace(row, problem="is not text", column=column)
        texts.append(text)
    return row if has_words(format_paper(*texts)) else replace(row, problem="has no words in title and abstract")


def tag_columns(tags: "Iterable[Tag]") -> dict[str, list[Any]]:
    """The columns that tagging adds, of a paper with these tags; those of a level without a tag are empty lists."""
    # The classifier needs numpy, which reading a table does not.
    from paper_tasks.tagger.classifier import by_level

    columns: list[list[Any]] = []
    for level in by_level(tags):
        columns += [tag.task for tag in level], [round(tag.probability, DIGITS) for tag in level]
    return dict(zip(TAG_COLUMNS, columns, strict=True))


def has_text_column(names: Iterable[str]) -> bool:
    """Whether a title or an abstract is among a table's columns, in any spelling."""
    return any(name.strip().lower() in TEXTS for name in names)


def check_text_columns(source: object, names: list[str]) -> None:
    """Raises InputError if neither title nor abstract is among the columns of `source`."""
    if not has_text_column(names):
        raise InputError(f"{source} has no column 'title' or 'abstract'; its columns are: {', '.join(names)}.")


def check_names(source: str, names: list[str]) -> None:
    """Raises InputError for a column that `source` has twice."""
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{source}: the column '{repeated[0]}' is there more than once; rename one.")
