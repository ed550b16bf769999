"""Labels made by reading: joined with titles and abstracts, they become the splits of a training.

A reader gives each paper two lists (csv_files/read_labels has the guideline): `main`, the tasks that it works on, and
`ok`, tasks that fit too. All others are wrong. Beside them may stand tables of positives, such as Papers with Code's
own labels: their tasks are right, and nothing is known of the others.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from paper_tasks.data import vocabulary
from paper_tasks.data.distant_labels import Labeller
from paper_tasks.data.fingerprints import HELD_OUT, paper_fingerprints
from paper_tasks.data.prepare import mask_names
from paper_tasks.data.prepared_folder import (
    LABELS,
    POSITIVES,
    READ,
    REPORT,
    SPLITS,
    UNLABELLED,
    PreparationReport,
    texts,
)
from paper_tasks.errors import InputError
from paper_tasks.io import atomic, encoder, tables
from paper_tasks.io.cells import as_text, parse_column
from paper_tasks.tagger.text import has_words

COLUMNS = ["id", "title", "abstract", "tasks", "ok", "labels", "masked"]
# Written too where a table of positives has them: where a label is from, and whether a paper has all of its labels.
ABOUT_POSITIVES = ["source", "complete"]
# The split of a paper whose file does not say one, by its id: eight tenths, one tenth and one tenth.
_TENTHS = ("train",) * 8 + ("dev", "test")


def paper_id(title: str) -> str:
    """Ten hexadecimal digits of a title's SHA-256, the same for spellings that differ in case, signs and blanks."""
    return hashlib.sha256(re.sub("[^a-z0-9]+", " ", title.lower()).strip().encode()).hexdigest()[:10]


def prepare_read(
    sources: Sequence[Path], labels: Path, output_dir: Path, positives: Sequence[Path] = ()
) -> PreparationReport:
    """Joins labels made by reading with the texts in `sources`, and writes splits as `prepare` does.

    labels: a table with `main`, `ok` and `id` or `title`; or a folder of such tables, each named after its split. A
    table may bring its own abstracts; its papers are split by their ids if it has no column `split`. positives: tables
    with `tasks`, in the same form otherwise.

    `train.csv` has both kinds; the column `labels` tells `READ` from `POSITIVES`. The held-out positives have files of
    their own, such as `positives_test.csv`. A paper that is held out in one table is left out of training in all.

    Raises InputError for a missing column, an unknown split, or where no text fits a label.
    """
    read = pd.concat([_read_labels(path, READ) for path in _label_files(labels)], ignore_index=True)
    known = pd.concat([_read_labels(path, POSITIVES) for path in positives], ignore_index=True) if positives else None
    everything = read if known is None else pd.concat([read, known], ignore_index=True)
    about = everything.columns.intersection(ABOUT_POSITIVES)
    everything[about] = everything[about].fillna("")
    papers = _with_texts(everything, sources)
    found = papers[[has_words(text) for text in texts(papers)]]
    if found.empty:
        raise InputError(f"No title in {', '.join(map(str, sources)) or labels} is one of {labels}; name their table.")
    is_read = found["labels"] == READ
    held_out = set(found.loc[found["split"] != "train", "id"])
    keep = (found["split"] != "train") | ~found["id"].isin(held_out)
    found = found[keep & ~found.duplicated(["id", "labels"])].assign(
        split=found["split"].where(is_read | (found["split"] == "train"), f"{POSITIVES}_" + found["split"])
    )
    names = label_names(found)
    labeller = Labeller([vocabulary.task(name) for name in names])
    found["masked"] = mask_names(found, names, labeller)
    columns = [*COLUMNS, *(name for name in ABOUT_POSITIVES if name in found)]
    parts = {name: part[columns] for name, part in found.groupby("split")}
    if missing := [name for name in SPLITS if name not in parts]:
        raise InputError(f"{labels}: no paper with a text is for {' or '.join(missing)}; label more papers.")
    counts = Counter(task for tasks in found["tasks"] for task in tasks)
    report = PreparationReport(
        source=", ".join(path.name for path in sources) or labels.name,
        options={"labels": labels.name, "positives": [path.name for path in positives]},
        labels=READ,
        split="of the labels",
        papers_read=len(everything),
        papers_without_a_word_dropped=len(papers) - len(found),
        duplicates_dropped=0,
        papers_without_a_kept_task_dropped=0,
        held_out_papers_without_a_kept_task_dropped=None,
        papers_train=len(parts["train"]),
        papers_dev=len(parts["dev"]),
        papers_test=len(parts["test"]),
        tasks_found=len(counts),
        tasks_kept=len(names),
        tasks_per_paper=round(float(found["tasks"].map(len).mean()), 3),
        papers_per_task={name: counts[vocabulary.task(name).canonical] for name in names},
    )
    _write(output_dir, parts, report)
    return report


def label_names(papers: pd.DataFrame) -> list[str]:
    """The labels of a model of these papers: the whole vocabulary, or the tasks found if it lacks one of them."""
    found = list(dict.fromkeys(task for column in ("tasks", "ok") for tasks in papers[column] for task in tasks))
    return list(vocabulary.names()) if vocabulary.index().keys() >= set(found) else sorted(found)


def _label_files(labels: Path) -> list[Path]:
    if not labels.is_dir():
        return [labels]
    files = sorted(path for path in labels.iterdir() if path.suffix in tables.FORMATS)
    if not files:
        raise InputError(f"{labels} holds no table of labels, such as train.jsonl.")
    return files


def _read_labels(path: Path, kind: str) -> pd.DataFrame:
    """A table of labels: id, title, abstract (None if it has none), tasks, ok, split and labels (`kind`).

    It has the columns of `ABOUT_POSITIVES` too where the file has them.
    """
    table = tables.read_table(path)
    column = "main" if kind == READ else "tasks"
    if column not in table or not {"id", "title"} & set(table.columns):
        raise InputError(f"{path} needs the columns '{column}' and 'id' or 'title'; it has {', '.join(table.columns)}.")
    name = tables.table_stem(path)
    ids = table["id"] if "id" in table else table["title"].map(paper_id)
    by_tenths = [_TENTHS[int(hashlib.sha256(key.encode()).hexdigest(), 16) % 10] for key in ids]
    is_split = name in SPLITS or "dev" in name or "test" in name
    about = {column: table[column].map(as_text) for column in ABOUT_POSITIVES if column in table}
    return pd.DataFrame(
        {
            "id": ids,
            "title": table.get("title", ""),
            "abstract": table.get("abstract", pd.Series([None] * len(table), dtype=object)),
            "tasks": _canonical(parse_column(table[column], path)),
            "ok": _canonical(parse_column(table["ok"], path)) if "ok" in table else [[] for _ in ids],
            "split": table.get("split", name if is_split else by_tenths),
            "labels": kind,
            **about,
        }
    )


def _canonical(lists: Iterable[list[str]]) -> list[list[str]]:
    return [vocabulary.canonical(names) for names in lists]


def _with_texts(labels: pd.DataFrame, sources: Sequence[Path]) -> pd.DataFrame:
    """The labels whose papers have a text in their own table or in a source."""
    missing = set(labels.loc[labels["abstract"].isna() | (labels["abstract"] == ""), "id"])
    found: dict[str, tuple[str, str]] = {}
    for source in sources:
        table = tables.read_table(source)
        if not {"title", "abstract"} <= set(table.columns):
            raise InputError(f"{source} needs the columns 'title' and 'abstract'; it has {', '.join(table.columns)}.")
        for title, abstract in zip(table["title"], table["abstract"], strict=True):
            if abstract and (key := paper_id(title)) in missing:
                found.setdefault(key, (title, abstract))
    joined = labels["id"].map(found)
    has_text = ~labels["id"].isin(missing) | joined.notna()
    papers = labels[has_text].copy()
    own = joined[has_text]
    papers["title"] = [new[0] if isinstance(new, tuple) else old for old, new in zip(papers["title"], own, strict=True)]
    papers["abstract"] = [
        new[1] if isinstance(new, tuple) else old for old, new in zip(papers["abstract"], own, strict=True)
    ]
    return papers.reset_index(drop=True)


def _write(output_dir: Path, parts: dict[str, pd.DataFrame], report: PreparationReport) -> None:
    output_dir.mkdir(parents=True, exist_ok=True)
    for name in (REPORT, LABELS, f"{UNLABELLED}.csv"):
        (output_dir / name).unlink(missing_ok=True)
    for name, part in parts.items():
        encoder.write_table(output_dir / f"{name}.csv", part)
    held_out = {name: sorted(paper_fingerprints(part).tolist()) for name, part in parts.items() if name != "train"}
    atomic.write_json(output_dir / HELD_OUT.name, held_out)
    atomic.write_json(output_dir / LABELS, [*report.papers_per_task])
    atomic.write_json(output_dir / REPORT, report.to_json())
