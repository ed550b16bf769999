"""Tags every paper of a table with the shipped model, row by row of the file, and keeps what is done."""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from deployment.classifier import TaskClassifier, clean_text
from paper_tasks import tables
from paper_tasks.errors import InputError, Interrupted
from paper_tasks.tables import Row, RowWriter

TASKS, PROBABILITIES = "predicted_tasks", "probabilities"
# Rows read, tagged and written together: a kill loses at most these.
CHUNK = 512
DIGITS = 4


@dataclass(frozen=True)
class TagOptions:
    """What to write for each paper; the first four are those of `TaskClassifier.rank`."""

    top_k: int | None = None
    threshold: float | None = None
    merge_duplicates: bool = True
    hide_artefacts: bool = True
    all_scores: bool = False
    overwrite: bool = False


@dataclass
class Summary:
    """Rows that got tags (perhaps none above the threshold), rows that could not be read, and why the first of them."""

    tagged: int = 0
    problems: int = 0
    first_problem: str = ""


def tag_file(source: Path, output: Path, classifier: TaskClassifier, options: TagOptions | None = None) -> Summary:
    """Writes `source`'s rows to `output` with the columns `predicted_tasks` and `probabilities`, both lists,
    likeliest first; with `all_scores` also one column for each of the model's labels.

    Rows are written to `output`.partial as they are tagged, and `output` appears when all are. Rows that cannot
    be read or hold no text are left out and listed, with their line and the reason, in `output`.problems.csv.

    Raises InputError if a file cannot be read or written, or not one row could be tagged; Interrupted at Ctrl-C.
    """
    options = options or TagOptions()
    partial, problems = _beside(output, ".partial"), _beside(output, ".problems.csv")
    tables.table_format(output)
    rows = tables.read_rows(source)
    first = next(rows, None)
    if first is None:
        raise InputError(f"{source} holds no rows below its header.")
    columns = _text_columns(source, first.values) if first.problem is None else None
    _check_output(source, output, partial, options.overwrite)

    summary = Summary()
    problems.unlink(missing_ok=True)
    try:
        with (
            partial.open("wb") as file,
            RowWriter(file, output, tables.parquet_schema(source), _types(output, classifier, options)) as writer,
            tqdm(desc="tagging", unit="paper", delay=1, disable=None) as bar,
        ):
            for chunk in _chunks(first, rows):
                tagged, broken = [], []
                for row in chunk:
                    problem = row.problem
                    if problem is None:
                        columns = columns or _text_columns(source, row.values)
                        problem = _unreadable(row.values, columns)
                    if problem is None:
                        tagged.append(row.values)
                    else:
                        broken.append((row.line, problem))
                if tagged:
                    writer.write(_tag(tagged, columns, classifier, options))
                _append_problems(problems, broken)
                summary.tagged += len(tagged)
                summary.problems += len(broken)
                if broken and not summary.first_problem:
                    summary.first_problem = "line {}: {}".format(*broken[0])
                bar.update(len(chunk))
    except (InputError, OSError, KeyboardInterrupt) as error:
        if not summary.tagged:
            partial.unlink(missing_ok=True)
            raise
        kind = Interrupted if isinstance(error, KeyboardInterrupt) else InputError
        kept = f"The {summary.tagged:,} papers tagged so far are in {partial}."
        raise kind(f"{error} {kept}".strip()) from error
    if not summary.tagged:
        partial.unlink()
        raise InputError(f"{source} has no paper that could be tagged; {problems} tells why, row by row.")
    partial.replace(output)
    return summary


def _tag(rows: list[dict], columns: list[str], classifier: TaskClassifier, options: TagOptions) -> list[dict[str, Any]]:
    papers = [tuple(row.get(column) or "" for column in columns) for row in rows]
    if len(columns) == 1:
        papers = [("", text) for (text,) in papers]
    scores = classifier.probabilities(papers)
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


def _types(output: Path, classifier: TaskClassifier, options: TagOptions) -> dict[str, Any]:
    """Of the columns that come new, where the format has types."""
    if tables.table_format(output) != "parquet":
        return {}
    import pyarrow as pa

    scores = dict.fromkeys(classifier.labels, pa.float64()) if options.all_scores else {}
    return scores | {TASKS: pa.list_(pa.string()), PROBABILITIES: pa.list_(pa.float64())}


def _chunks(first: Row, rows: Iterator[Row]) -> Iterator[list[Row]]:
    chunk = [first, *islice(rows, CHUNK - 1)]
    while chunk:
        yield chunk
        chunk = list(islice(rows, CHUNK))


def _text_columns(source: Path, values: dict[str, Any]) -> list[str]:
    """The names of the title and abstract columns as the file writes them ("Title"); one of them may lack."""
    names = {name.lower(): name for name in values}
    found = [names[name] for name in ("title", "abstract") if name in names]
    if not found:
        raise InputError(
            f"{source} has no column 'title' or 'abstract'; its columns are: {', '.join(values) or 'none'}."
        )
    return found


def _unreadable(values: dict[str, Any], columns: list[str]) -> str | None:
    for column in columns:
        if not isinstance(values.get(column) or "", str):
            return f"column '{column}' is no text"
    if not any(map(str.isalnum, "".join(clean_text(values.get(column)) for column in columns))):
        return f"no words in {' or '.join(columns)}"
    return None


def _append_problems(path: Path, problems: list[tuple[int, str]]) -> None:
    if not problems:
        return
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if is_new:
            writer.writerow(["line", "reason"])
        writer.writerows(problems)


def _check_output(source: Path, output: Path, partial: Path, overwrite: bool) -> None:
    if output.exists() and os.path.samefile(source, output):
        raise InputError(f"{output} is the input itself; name another file for the output.")
    if output.is_dir() or not output.parent.is_dir():
        wrong = f"{output} is a folder" if output.is_dir() else f"{output.parent} is no folder"
        raise InputError(f"{wrong}; name a file to write in a folder that exists.")
    if output.exists() and not overwrite:
        raise InputError(f"{output} exists already; --overwrite replaces it.")
    if partial.exists() and not overwrite:
        raise InputError(
            f"{partial} exists: another run is writing it, or one broke off and left its rows there; "
            "move it away, or replace it with --overwrite."
        )


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
