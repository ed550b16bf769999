"""Labels made by reading: joined with titles and abstracts, they become the splits of a training.

A reader gives each paper two lists (csv_files/read_labels has the guideline): `main`, the tasks that it works on, and
`ok`, tasks that fit too. All others are wrong. Beside them may stand tables of positives, such as Papers with Code's
own labels: their tasks are right, and nothing is known of the others.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from pathlib import Path

import numpy as np
import pandas as pd

from paper_tasks.data import vocabulary
from paper_tasks.data.distant_labels import Labeller, check_columns, read_table
from paper_tasks.data.fingerprints import known_held_out, paper_fingerprints
from paper_tasks.data.paper_ids import paper_id
from paper_tasks.data.prepare import mask_names
from paper_tasks.data.prepared_folder import POSITIVES, READ, SPLITS, PreparationReport, write_splits
from paper_tasks.errors import InputError
from paper_tasks.io import tables
from paper_tasks.io.cells import parse_column
from paper_tasks.tagger.text import has_words

COLUMNS = ["id", "title", "abstract", "tasks", "ok", "labels", "masked"]
# Written too where a table of positives has them: where a label is from, and whether a paper has all of its labels.
ABOUT_POSITIVES = ["source", "complete"]
# The split of a paper whose table does not say one, by its id: eight tenths, one tenth and one tenth.
_TENTHS = ("train",) * 8 + ("dev", "test")
# Besides `SPLITS`, more papers to develop and test on, such as `modern_test`.
_SPLIT = re.compile(r"train|(\w+_)?(dev|test)")


def prepare_read(
    sources: Sequence[Path],
    labels: Sequence[Path],
    output_dir: Path,
    positives: Sequence[Path] = (),
    unlabelled: int = 0,
) -> PreparationReport:
    """Joins labels made by reading with the abstracts in `sources`, and writes splits as `prepare` does.

    labels: tables with `main`, and `title` or `id` (see `paper_id`), and optionally `ok`, `abstract` and `split`; or
    folders of such tables, each named after its split. Papers of a table without a split are split by their ids.
    positives: such tables, with `tasks` in the place of `main`. unlabelled: how many other papers of the sources to
    keep at most, drawn by their ids: the fast tier learns from what a model says of them.

    `train.csv` has both kinds; the column `labels` tells `READ` from `POSITIVES`. The held-out positives have files of
    their own, such as `positives_test.csv`. A paper that is held out in one table is left out of training in all.

    Raises InputError for a missing column, an unknown split, a split without papers, or where no label has an abstract.
    """
    kinds = [(path, READ, split) for given in labels for path, split in _label_files(given)]
    kinds += [(path, POSITIVES, None) for path in positives]
    given_labels = ", ".join(map(str, labels))
    labelled = pd.concat([_label_table(*kind) for kind in kinds], ignore_index=True)
    with_text = _with_abstracts(labelled, sources)
    if with_text.empty:
        raise InputError(
            f"None of the {len(labelled):,} papers in {given_labels} has an abstract there or in another table "
            "given; give tables with their titles and abstracts."
        )
    papers = _each_once(with_text)
    names = label_names(papers)
    papers["masked"] = mask_names(papers, names, Labeller([vocabulary.task(name) for name in names]))
    parts = _parts(papers)
    if missing := [name for name in SPLITS if name not in parts]:
        raise InputError(f"{given_labels}: no paper with an abstract is for {' or '.join(missing)}; label more papers.")
    counts = Counter(task for tasks in papers["tasks"] for task in tasks)
    report = PreparationReport(
        source=", ".join(path.name for path in sources) or ", ".join(path.name for path in labels),
        options={"labels": [path.name for path in labels], "positives": [path.name for path in positives]},
        labels=READ,
        split="of the labels",
        papers_read=len(labelled),
        papers_without_a_word_dropped=len(labelled) - len(with_text),
        duplicates_dropped=len(with_text) - len(papers),
        papers_without_a_kept_task_dropped=0,
        held_out_papers_without_a_kept_task_dropped=None,
        papers_train=len(parts["train"]),
        papers_dev=len(parts["dev"]),
        papers_test=len(parts["test"]),
        tasks_found=len(counts),
        tasks_kept=len(names),
        tasks_per_paper=round(float(papers["tasks"].map(len).mean()), 3),
        papers_per_task={name: counts[vocabulary.task(name).canonical] for name in names},
    )
    held_out = {name: sorted(paper_fingerprints(part).tolist()) for name, part in parts.items() if name != "train"}
    write_splits(output_dir, parts, held_out, report, _without_labels(sources, set(labelled["id"]), unlabelled))
    return report


def label_names(papers: pd.DataFrame) -> list[str]:
    """The labels of a model of these papers: the whole vocabulary, or the tasks found if it lacks one of them."""
    found = {task for column in ("tasks", "ok") for tasks in papers[column] for task in tasks}
    return list(vocabulary.names()) if vocabulary.index().keys() >= found else sorted(found)


def _label_files(labels: Path) -> list[tuple[Path, str | None]]:
    """The tables of labels, each with its split where its name says one."""
    if not labels.is_dir():
        return [(labels, None)]
    endings = tuple(ending + more for ending in tables.FORMATS for more in ("", *tables.COMPRESSIONS))
    files = sorted(path for path in labels.iterdir() if path.name.endswith(endings))
    if not files:
        raise InputError(f"{labels} holds no table of labels, such as train.jsonl.")
    return [(path, tables.table_stem(path)) for path in files]


def _label_table(path: Path, kind: str, split: str | None) -> pd.DataFrame:
    """The labels of one table, all of one `kind`.

    Columns: id, title, abstract ("" without one), tasks, ok, split, labels (`kind`), and those of `ABOUT_POSITIVES`,
    which are "" where the table has none. Raises InputError for a missing column and for an unknown split.
    """
    main = "main" if kind == READ else "tasks"
    table = read_table(path, ("id", "title", "abstract", main, "ok", "split"))
    check_columns(table, path, main, "id" if "id" in table else "title")
    blank = pd.Series([""] * len(table))
    titles = table.get("title", blank)
    # A table may number its papers in a way of its own, so that a title counts first.
    ids = titles.map(paper_id).where(titles != "", table.get("id", blank))
    if "" in ids.values:
        raise InputError(f"{path}, row {[*ids].index('') + 1} has neither a title nor an id; correct or remove it.")
    splits = table.get("split", ids.map(_split_of) if split is None else blank.replace("", split))
    if unknown := [name for name in splits.unique() if not _SPLIT.fullmatch(name)]:
        raise InputError(f"{path}: '{unknown[0]}' is no split; it is train, dev or test, or ends in _dev or _test.")
    tasks = [vocabulary.canonical(names) for names in parse_column(table[main], path)]
    others = parse_column(table["ok"], path) if "ok" in table else [[] for _ in tasks]
    return pd.DataFrame(
        {
            "id": ids,
            "title": titles,
            "abstract": table.get("abstract", blank),
            "tasks": tasks,
            "ok": [_besides(names, of_paper) for names, of_paper in zip(others, tasks, strict=True)],
            "split": splits,
            "labels": kind,
            **{name: table.get(name, blank) if kind == POSITIVES else "" for name in ABOUT_POSITIVES},
        }
    )


def _split_of(key: str) -> str:
    return _TENTHS[int(hashlib.sha256(key.encode()).hexdigest(), 16) % len(_TENTHS)]


def _besides(names: Iterable[str], tasks: list[str]) -> list[str]:
    """The canonical names that are not among `tasks`."""
    return [name for name in vocabulary.canonical(names) if name not in tasks]


def _with_abstracts(labels: pd.DataFrame, sources: Sequence[Path]) -> pd.DataFrame:
    """The labels whose papers have an abstract in a table of labels or in a source, with title and abstract."""
    own = list(zip(labels["title"], labels["abstract"], strict=True))
    known = {key: paper for key, paper in zip(labels["id"], own, strict=True) if has_words(paper[1])}
    missing = set(labels["id"]) - known.keys()
    for source in sources:
        table = read_table(source, ("title", "abstract"))
        check_columns(table, source, "title", "abstract")
        for paper in zip(table["title"], table["abstract"], strict=True):
            if has_words(paper[1]) and (key := paper_id(paper[0])) in missing:
                known.setdefault(key, paper)
    found = labels[labels["id"].isin(known.keys())].reset_index(drop=True)
    papers = [known[key] for key in found["id"]]
    return found.assign(title=[title for title, _ in papers], abstract=[abstract for _, abstract in papers])


def _without_labels(sources: Sequence[Path], labelled: Set[str], most: int) -> pd.DataFrame:
    """Title, abstract and no keywords of at most `most` papers that have no label, those of the smallest ids.

    Papers that any evaluation of this project is made on are left out.
    """
    found: dict[str, tuple[str, str]] = {}
    for source in sources if most else ():
        table = read_table(source, ("title", "abstract"))
        papers = zip(table["title"], table["abstract"], strict=True)
        found |= {paper_id(title): (title, abstract) for title, abstract in papers if title and has_words(abstract)}
    papers = pd.DataFrame([found[key] for key in sorted(found.keys() - labelled)], columns=["title", "abstract"])
    kept = papers[~np.isin(paper_fingerprints(papers), [*known_held_out()])][:most]
    return kept.assign(keywords=[[] for _ in range(len(kept))])


def _each_once(papers: pd.DataFrame) -> pd.DataFrame:
    """Each paper once in each kind of labels, and none in training that is held out in any table."""
    in_training = papers["split"] == "train"
    held_out = set(papers.loc[~in_training, "id"])
    kept = papers[~in_training | ~papers["id"].isin(held_out)]
    return kept[~kept.duplicated(["id", "labels"])].reset_index(drop=True)


def _parts(papers: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The papers of each file to write, by its name: held-out positives have files of their own."""
    apart = (papers["labels"] == POSITIVES) & (papers["split"] != "train")
    names = papers["split"].mask(apart, f"{POSITIVES}_" + papers["split"])
    columns = [*COLUMNS, *(name for name in ABOUT_POSITIVES if papers[name].any())]
    return {str(name): part[columns] for name, part in papers.groupby(names)}
