"""Tags every paper of a table with the shipped model, row by row of the file, and keeps what is done."""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from paper_tasks.errors import InputError, Interrupted
from paper_tasks.io import tables
from paper_tasks.io.tables import Row
from paper_tasks.io.writing import RowEncoder, csv_lines
from paper_tasks.tagger.classifier import TaskClassifier
from paper_tasks.tagger.text import format_paper, has_words
from paper_tasks.tagging.journal import Journal, journal_path, journaled, partial_path, problems_path

if TYPE_CHECKING:
    import pyarrow as pa

TASKS, PROBABILITIES = "predicted_tasks", "probabilities"
# Rows read, tagged and written together: a kill costs the work on these.
CHUNK = 128
DIGITS = 4


@dataclass(frozen=True)
class TagOptions:
    """What to write for each paper; the first four are those of `TaskClassifier.rank`."""

    top_k: int | None = None
    threshold: float | None = None
    merge_duplicates: bool = True
    hide_artefacts: bool = True
    all_scores: bool = False


@dataclass(frozen=True)
class Summary:
    """Rows that got tags (perhaps none above the threshold), and rows that could not be read or hold no text.

    `reasons` is the file that lists the latter, which is not there if there are none.
    """

    tagged: int
    problems: int
    reasons: str


def tag_file(
    source: Path,
    output: Path,
    classifier: TaskClassifier,
    options: TagOptions | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Summary:
    """Writes `source`'s rows to `output` with the columns `predicted_tasks` and `probabilities`, both lists,
    likeliest first; with `all_scores` also one column for each of the model's labels.

    Rows are kept beside `output` as they are tagged (see `journal.journaled`), and `output` appears when all are;
    `resume` carries on what a run that broke off has kept. Rows that cannot be read or hold no text are left out
    and listed, by line, column and reason, in `problems_path(output)`. Where `output` is a link, all this is done
    with the file that it leads to.

    Raises InputError if a file cannot be read or written, or not one row could be tagged; Interrupted at Ctrl-C.
    """
    options = options or TagOptions()
    output = _target(output)
    _check_paths(source, output)
    encoder = _encoder(source, output, classifier, options)
    journal = None
    try:
        with journaled(output, _run(source, output, classifier, options), resume, overwrite) as journal:
            if not journal.entry.ended:
                _carry_on(source, encoder, journal, classifier, options)
            if not journal.entry.rows:
                raise InputError(f"{source} holds no rows below its header.")
            if not journal.entry.tagged:
                why = problems_path(output)
                raise InputError(f"{source} has no paper that could be tagged; {why} tells why, row by row.")
            journal.end()
    except (InputError, OSError, KeyboardInterrupt) as error:
        words = f"{output} cannot be written ({error.strerror})." if isinstance(error, OSError) else str(error)
        if journal is not None and journal.entry.tagged:
            words += f" The {journal.entry.tagged:,} papers tagged so far are kept"
            # A table that breaks off breaks off again.
            words += (
                f" in {partial_path(output)}." if isinstance(error, InputError) else ": --resume carries on from there."
            )
        raise (Interrupted if isinstance(error, KeyboardInterrupt) else InputError)(words.strip()) from error
    return Summary(journal.entry.tagged, journal.entry.rows - journal.entry.tagged, str(problems_path(output)))


def tag_rows(
    rows: list[Row], classifier: TaskClassifier, options: TagOptions
) -> tuple[list[dict[str, Any]], list[Row]]:
    """The values of those rows that have text, with their tags; and the rows that could not be tagged, with why."""
    rows = [_checked(row) for row in rows]
    return _tag([row.values for row in rows if not row.problem], classifier, options), [r for r in rows if r.problem]


def check_columns(source: Path | str, names: list[str]) -> None:
    """Raises InputError if neither title nor abstract is among the columns of `source`."""
    if not _texts(dict.fromkeys(names)).keys() & set(names):
        raise InputError(f"{source} has no column 'title' or 'abstract'; its columns are: {', '.join(names)}.")


def new_columns(labels: Iterable[str], options: TagOptions) -> list[str]:
    """Names of the columns that tagging adds, of a model with these labels."""
    return [TASKS, PROBABILITIES, *(labels if options.all_scores else ())]


def typed(known: "Iterable[pa.Field]", new: list[str]) -> "dict[str, pa.DataType]":
    """Types of an input's columns and of the new ones, which take the place of old ones by the same name."""
    import pyarrow as pa

    types = {entry.name: _without_categories(entry.type) for entry in known} | dict.fromkeys(new, pa.float64())
    return types | {TASKS: pa.list_(pa.string()), PROBABILITIES: pa.list_(pa.float64())}


def _without_categories(kind: "pa.DataType") -> "pa.DataType":
    """Of categories the values, however deep: a table that grows batch by batch has no one dictionary."""
    import pyarrow as pa

    def plain(entry: pa.Field) -> pa.Field:
        return entry.with_type(_without_categories(entry.type))

    if pa.types.is_dictionary(kind):
        return _without_categories(kind.value_type)
    if pa.types.is_struct(kind):
        return pa.struct(list(map(plain, kind)))
    if pa.types.is_map(kind):
        return pa.map_(plain(kind.key_field), plain(kind.item_field), kind.keys_sorted)
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(plain(kind.value_field), kind.list_size)
    if pa.types.is_large_list(kind):
        return pa.large_list(plain(kind.value_field))
    return pa.list_(plain(kind.value_field)) if pa.types.is_list(kind) else kind


def _carry_on(
    source: Path, encoder: RowEncoder, journal: Journal, classifier: TaskClassifier, options: TagOptions
) -> None:
    """Brings the journal from where it is to the end of `source`."""
    progress = tables.Progress()
    rows = islice(tables.read_rows(source, progress), journal.entry.rows, None)
    with tqdm(desc="tagging", unit=" papers", initial=journal.entry.rows, delay=1, disable=None) as bar:
        while chunk := list(islice(rows, CHUNK)):
            tagged, broken = tag_rows(chunk, classifier, options)
            head = b"" if journal.entry.output_bytes else encoder.head()
            problems = _problem_lines(broken, head=not journal.entry.problem_bytes)
            journal.append(len(chunk), len(tagged), head + encoder.encode(tagged), problems)
            bar.total = round(journal.entry.rows / progress.share)
            bar.update(len(chunk))


def _tag(rows: list[dict[str, Any]], classifier: TaskClassifier, options: TagOptions) -> list[dict[str, Any]]:
    scores = classifier.probabilities(tuple(_texts(row).values()) for row in rows)
    ranked = classifier.rank(scores, options.top_k, options.threshold, options.merge_duplicates, options.hide_artefacts)
    tagged = []
    for row, tags, probabilities in zip(rows, ranked, np.round(scores.astype(float), DIGITS).tolist(), strict=True):
        more = {
            TASKS: [tag.task for tag in tags],
            PROBABILITIES: [round(tag.probability, DIGITS) for tag in tags],
        }
        if options.all_scores:
            more |= dict(zip(classifier.labels, probabilities, strict=True))
        tagged.append(row | more)
    return tagged


def _encoder(source: Path, output: Path, classifier: TaskClassifier, options: TagOptions) -> RowEncoder:
    formats = {tables.table_format(source), tables.table_format(output)}
    # JSON Lines has no header, and needs none.
    names = [] if formats == {"jsonl"} else tables.column_names(source)
    if names:
        check_columns(source, names)
    new = new_columns(classifier.labels, options)
    return RowEncoder(output, list(dict.fromkeys([*names, *new])), _types(source, output, new))


def _types(source: Path, output: Path, new: list[str]) -> dict[str, Any]:
    """Of the columns that are no text, where the format has types."""
    if tables.table_format(output) != "parquet":
        return {}
    return typed(tables.parquet_schema(source) if tables.table_format(source) == "parquet" else (), new)


def _texts(values: dict[str, Any]) -> dict[str, Any]:
    """Title and abstract by their columns' names as the row writes them ("Title"); one that lacks is "".

    Of several such columns, as a table of mixed spellings has them, the first with a text counts.
    """
    texts = {}
    for field in ("title", "abstract"):
        names = tables.spellings(values, field) or [field]
        name = next((name for name in names if values.get(name)), names[0])
        texts[name] = values.get(name) or ""
    return texts


def _checked(row: Row) -> Row:
    """The row, with its problem if it has no text to tag."""
    if row.problem:
        return row
    texts = _texts(row.values)
    for column, text in texts.items():
        if not isinstance(text, str):
            return replace(row, problem="is no text", column=column)
    if not has_words(format_paper(*texts.values())):
        return replace(row, problem="has no words in title and abstract")
    return row


def _problem_lines(rows: list[Row], head: bool) -> bytes:
    names = [["line", "column", "reason"]] if head and rows else []
    return csv_lines([*names, *([row.line, row.column, row.problem] for row in rows)]).encode("utf-8", "replace")


def _run(source: Path, output: Path, classifier: TaskClassifier, options: TagOptions) -> dict[str, Any]:
    """What a run that is carried on must have the same, or its parts would not fit."""
    stat = source.stat()
    config = json.dumps(classifier.config, sort_keys=True).encode()
    return {
        "input": [source.name, stat.st_size, stat.st_mtime_ns],
        "output": output.name,
        # With the checksums of the files.
        "model": hashlib.sha256(config).hexdigest(),
        "set of options": asdict(options),
    }


def _target(output: Path) -> Path:
    """Where it is a link, what it leads to."""
    if not output.is_symlink():
        return output
    target = Path(os.path.realpath(output))
    if len({path.name.removeprefix(tables.table_stem(path)) for path in (output, target)}) > 1:
        raise InputError(f"{output} leads to {target}, whose name ends otherwise; name that file itself.")
    return target


def _check_paths(source: Path, output: Path) -> None:
    tables.table_format(output)
    tables.check_is_file(source)
    if output.is_dir() or not output.parent.is_dir():
        wrong = f"{output} is a folder" if output.is_dir() else f"{output.parent} is no folder"
        raise InputError(f"{wrong}; name a file to write in a folder that exists.")
    for path in (output, partial_path(output), problems_path(output), journal_path(output)):
        if path.exists() and os.path.samefile(source, path):
            raise InputError(f"{path} is the input itself; name another file for the output.")
