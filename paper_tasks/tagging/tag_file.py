"""Tags every paper of a table, row by row, and keeps what is done, so that an interrupted run can continue."""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from paper_tasks.errors import InputError, Interrupted
from paper_tasks.io import tables
from paper_tasks.io.encoder import RowEncoder, csv_lines
from paper_tasks.io.rows import (
    ALSO_PROBABILITIES,
    ALSO_TASKS,
    DIGITS,
    PROBABILITIES,
    TAG_COLUMNS,
    TASKS,
    Row,
    check_paper,
    check_text_columns,
    paper_texts,
    tag_columns,
)
from paper_tasks.tagger.classifier import TaskClassifier
from paper_tasks.tagging.journal import Journal, journal_path, journaled, partial_path, problems_path
from paper_tasks.tagging.options import TagOptions

if TYPE_CHECKING:
    import pyarrow as pa

# Rows that are read, tagged and written together: a kill loses at most the work on these.
CHUNK = 128


@dataclass(frozen=True)
class Summary:
    """Number of rows that were tagged (perhaps with no task), and of rows that could not be tagged.

    `reasons` names the file that lists the latter; without any, there is no such file.
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
    """Writes `source`'s rows to `output` with the columns `rows.TAG_COLUMNS`.

    They hold lists, the most probable task first: tasks that a paper works on, tasks that also fit it, and the
    probabilities of both. With `all_scores`, each label has a column: the probability that the paper works on it.
    Tagged rows are kept beside `output` (see `journal.journaled`); `output` appears when all rows are tagged.
    With `resume`, a run continues from the rows that an interrupted run kept. Rows that cannot be read or hold no
    text are left out and listed, by line, column and reason, in `problems_path(output)`. If `output` is a symbolic
    link, its target is written.

    Raises InputError if a file cannot be read or written, or no row could be tagged; Interrupted at Ctrl-C.
    """
    options = options or TagOptions()
    output = _link_target(output)
    _check_paths(source, output)
    encoder = _encoder(source, output, classifier, options)
    journal = None
    try:
        with journaled(output, _run_record(source, output, classifier, options), resume, overwrite) as journal:
            if not journal.entry.ended:
                _tag_remaining_rows(source, encoder, journal, classifier, options)
            if not journal.entry.rows:
                raise InputError(f"{source} holds no rows below its header.")
            if not journal.entry.tagged:
                reasons = problems_path(output)
                raise InputError(
                    f"{source} has no paper that could be tagged; {reasons} gives the reason for each row."
                )
            journal.finish()
    except (InputError, OSError, KeyboardInterrupt) as error:
        message = f"{output} cannot be written ({error.strerror})." if isinstance(error, OSError) else str(error)
        if journal is not None and journal.entry.tagged:
            message += f" The {journal.entry.tagged:,} papers tagged so far are kept"
            # To resume after an InputError would only raise it again: the table still breaks off there.
            message += (
                f" in {partial_path(output)}." if isinstance(error, InputError) else ": --resume continues from there."
            )
        raise (Interrupted if isinstance(error, KeyboardInterrupt) else InputError)(message.strip()) from error
    return Summary(journal.entry.tagged, journal.entry.rows - journal.entry.tagged, str(problems_path(output)))


def tag_rows(
    rows: list[Row], classifier: TaskClassifier, options: TagOptions
) -> tuple[list[dict[str, Any]], list[Row]]:
    """Returns the values of all rows with text, with their tags; and the rows that could not be tagged."""
    rows = list(map(check_paper, rows))
    tagged = _with_tags([row.values for row in rows if not row.problem], classifier, options)
    return tagged, [row for row in rows if row.problem]


def new_columns(labels: Iterable[str], options: TagOptions) -> list[str]:
    """Names of the columns that tagging adds, for a model with these labels."""
    return [*TAG_COLUMNS, *(labels if options.all_scores else ())]


def column_types(fields: "Iterable[pa.Field]", added: list[str]) -> "dict[str, pa.DataType]":
    """Arrow types by column, of the input's fields and the added columns, which replace fields of the same name."""
    import pyarrow as pa

    types = {field.name: _without_dictionaries(field.type) for field in fields} | dict.fromkeys(added, pa.float64())
    types |= dict.fromkeys((TASKS, ALSO_TASKS), pa.list_(pa.string()))
    return types | dict.fromkeys((PROBABILITIES, ALSO_PROBABILITIES), pa.list_(pa.float64()))


def _without_dictionaries(kind: "pa.DataType") -> "pa.DataType":
    """Replaces dictionary types by those of their values, at any depth.

    The batches of a growing table each have their own dictionary, and Parquet takes only one.
    """
    import pyarrow as pa

    def plain(field: pa.Field) -> pa.Field:
        return field.with_type(_without_dictionaries(field.type))

    if pa.types.is_dictionary(kind):
        return _without_dictionaries(kind.value_type)
    if pa.types.is_struct(kind):
        return pa.struct(list(map(plain, kind)))
    if pa.types.is_map(kind):
        return pa.map_(plain(kind.key_field), plain(kind.item_field), kind.keys_sorted)
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(plain(kind.value_field), kind.list_size)
    if pa.types.is_large_list(kind):
        return pa.large_list(plain(kind.value_field))
    return pa.list_(plain(kind.value_field)) if pa.types.is_list(kind) else kind


def _tag_remaining_rows(
    source: Path, encoder: RowEncoder, journal: Journal, classifier: TaskClassifier, options: TagOptions
) -> None:
    """Tags the rows of `source` that the journal does not have yet."""
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


def _with_tags(rows: list[dict[str, Any]], classifier: TaskClassifier, options: TagOptions) -> list[dict[str, Any]]:
    scores = classifier.both_levels(map(paper_texts, rows))
    ranked = classifier.rank(scores, **options.for_ranking())
    of_labels = np.round(scores.main.astype(float), DIGITS).tolist()
    tagged = []
    for row, tags, probabilities in zip(rows, ranked, of_labels, strict=True):
        added: dict[str, Any] = tag_columns(tags)
        if options.all_scores:
            added |= dict(zip(classifier.labels, probabilities, strict=True))
        tagged.append(row | added)
    return tagged


def _encoder(source: Path, output: Path, classifier: TaskClassifier, options: TagOptions) -> RowEncoder:
    formats = {tables.table_format(source), tables.table_format(output)}
    # From JSON Lines to JSON Lines no column names are needed, which saves reading the whole input.
    names = [] if formats == {"jsonl"} else tables.column_names(source)
    if names:
        check_text_columns(source, names)
    added = new_columns(classifier.labels, options)
    return RowEncoder(output, list(dict.fromkeys([*names, *added])), _types(source, output, added))


def _types(source: Path, output: Path, added: list[str]) -> dict[str, Any]:
    """Arrow types of the columns, if the output has types; columns without an entry are text."""
    if tables.table_format(output) != "parquet":
        return {}
    from paper_tasks.io import parquet

    return column_types(parquet.read_schema(source) if tables.table_format(source) == "parquet" else (), added)


def _problem_lines(rows: list[Row], head: bool) -> bytes:
    header = [["line", "column", "reason"]] if head and rows else []
    return csv_lines([*header, *([row.line, row.column, row.problem] for row in rows)]).encode("utf-8", "replace")


def _run_record(source: Path, output: Path, classifier: TaskClassifier, options: TagOptions) -> dict[str, Any]:
    """What must be equal for a run to continue: rows of two different runs would not belong together."""
    stat = source.stat()
    # The configuration holds the checksums of the model's files.
    config = json.dumps(classifier.config.to_json(), sort_keys=True).encode()
    return {
        "input": [source.name, stat.st_size, stat.st_mtime_ns],
        "output": output.name,
        "model": hashlib.sha256(config).hexdigest(),
        "set of options": asdict(options),
        "set of columns": list(TAG_COLUMNS),
    }


def _link_target(output: Path) -> Path:
    """The file that `output` leads to if it is a symbolic link, else `output`."""
    if not output.is_symlink():
        return output
    target = Path(os.path.realpath(output))
    if len({path.name.removeprefix(tables.table_stem(path)) for path in (output, target)}) > 1:
        raise InputError(f"{output} leads to {target}, whose name has another ending; name that file itself.")
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
