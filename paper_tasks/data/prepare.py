"""From a CSV of papers to training, development and test splits of the papers with frequent tasks."""

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
from iterstrat.ml_stratifiers import MultilabelStratifiedShuffleSplit
from tqdm import tqdm

from paper_tasks.data import vocabulary
from paper_tasks.data.distant_labels import Labeller, label, read_papers
from paper_tasks.data.options import PrepareOptions
from paper_tasks.errors import InputError
from paper_tasks.io import atomic, encoder, tables
from paper_tasks.io.cells import parse_column
from paper_tasks.tagger.model_folder import file_checksum
from paper_tasks.tagger.text import TEXT_FORMAT, format_paper, has_words

# What the report says of labels that `label` made.
DISTANT = "distant (names, aliases and author keywords)"
SPLITS = ("train", "dev", "test")
# Which papers the project's own figures were measured on. Labels may be mended, and the papers held out stay the same:
# models of before have still not seen them.
HELD_OUT = vocabulary.JSON_FILES / "held_out.json"


def frequent_tasks(counts: Mapping[str, int], min_papers: int) -> list[str]:
    """The tasks of at least `min_papers` papers, in the order of `counts`."""
    return [task for task, papers in counts.items() if papers >= min_papers]


def duplicate_rows(papers: pd.DataFrame) -> np.ndarray:
    """Boolean array, (papers,): true for a paper with the title or the abstract of an earlier one."""
    title = papers["title"].map(_letters)
    abstract = papers["abstract"].map(_letters)
    return ((title.duplicated() & (title != "")) | (abstract.duplicated() & (abstract != ""))).to_numpy()


def split(labels: np.ndarray, has_keywords: np.ndarray, options: PrepareOptions) -> np.ndarray:
    """Stratified split (Sechidis et al., 2011), apart for papers with and without keyword labels.

    labels: (papers, tasks), 0 or 1. Returns (papers,) of indexes into SPLITS.
    """
    where = np.zeros(len(labels), dtype=np.int64)
    for group, test_share in (
        (~has_keywords, options.test_share),
        (has_keywords, options.keyword_test_share),
    ):
        rest = np.flatnonzero(group)
        held_out = test_share + options.dev_share
        rest = _draw(labels, rest, held_out, options.seed)
        where[rest] = SPLITS.index("dev")
        where[_draw(labels, rest, test_share / held_out, options.seed)] = SPLITS.index("test")
    return where


def known_split(fingerprints: Iterable[str], options: PrepareOptions) -> np.ndarray | None:
    """The split in which the papers of `HELD_OUT` are held out, and no others.

    Returns (papers,) of indexes into SPLITS; or None where half of them or more are missing, or the options ask for
    another split.
    """
    if replace(options, min_papers=PrepareOptions.min_papers) != PrepareOptions():
        return None
    place = _known_places()
    where = np.array([place.get(mark, 0) for mark in fingerprints], dtype=np.int64)
    return where if np.count_nonzero(where) > len(place) / 2 else None


def prepare(source: Path, output_dir: Path, options: PrepareOptions | None = None) -> dict:
    """Label (where `source` has no tasks), filter, drop duplicates, split and write.

    Writes `train.csv`, `dev.csv`, `test.csv` (columns title, abstract, tasks, keywords, masked), `labels.json`
    (the tasks kept), `unlabelled.csv` (title, abstract and keywords of those papers, if any, that have none),
    `held_out.json` (fingerprints of dev and test) and `report.json` (what was dropped and why), and returns the report.
    `masked` is the text as the model reads it, without the words that name the paper's tasks (where a cut joins what
    stood on its two sides, there may now and then be a name again).

    A table with most of the papers that the project's own figures were measured on (`HELD_OUT`) is split as it was
    then, unless the options ask for another split.

    Raises InputError if a column is missing or nothing is left.
    """
    options = options or PrepareOptions()
    if options.dev_share + max(options.test_share, options.keyword_test_share) >= 1:
        raise InputError("Development and test papers would leave none to train on; lower --dev-share or --test-share.")
    papers = read_papers(source)
    report: dict = {"source": source.name, "options": asdict(options), "papers_read": len(papers)}

    papers = papers[[has_words(text) for text in texts(papers)]]
    report["papers_without_a_word_dropped"] = report["papers_read"] - len(papers)
    duplicates = duplicate_rows(papers)
    report["duplicates_dropped"] = int(duplicates.sum())
    papers = papers[~duplicates].reset_index(drop=True)

    distant = "tasks" not in papers
    report["labels"] = DISTANT if distant else "the column 'tasks'"
    if distant:
        papers["tasks"] = label(papers)
    counts = Counter(dict.fromkeys(vocabulary.names(), 0)) if distant else Counter()
    counts.update(task for tasks in papers["tasks"] for task in dict.fromkeys(tasks))
    kept = frequent_tasks(counts, options.min_papers)
    report |= {"tasks_found": sum(map(bool, counts.values())), "tasks_kept": len(kept)}

    known = set(kept)
    papers["tasks"] = [[task for task in dict.fromkeys(tasks) if task in known] for tasks in papers["tasks"]]
    labelled = papers["tasks"].map(bool)
    report["papers_without_a_kept_task_dropped"] = int((~labelled).sum())
    unlabelled = papers.loc[~labelled, ["title", "abstract", "keywords"]]
    papers = papers[labelled].reset_index(drop=True)
    if len(kept) < 2 or len(papers) < 3 / min(options.dev_share, options.test_share):
        raise InputError(
            f"{source}: only {len(kept)} tasks have {options.min_papers} papers or more, and {len(papers)} papers "
            "have one of them, too few to split; collect more papers or lower --min-papers."
        )

    labeller = Labeller([vocabulary.task(name) for name in kept])
    papers["masked"] = _masked(papers, kept, labeller)
    has_keywords = papers["keywords"].map(lambda keywords: bool(labeller.keyword_tasks(keywords)))
    marks = _fingerprints(papers)
    where = known_split(marks, options)
    if where is None:
        report["split"] = "drawn"
        where = split(multi_hot(papers["tasks"], kept), has_keywords.to_numpy(dtype=bool), options)
    else:
        report["split"] = f"as in {HELD_OUT.name}"
        # When labels are mended once more, they may have a task again, and must not have been read.
        was_held_out = np.isin(_fingerprints(unlabelled), [*_known_places()])
        report["held_out_papers_without_a_kept_task_dropped"] = int(was_held_out.sum())
        unlabelled = unlabelled[~was_held_out]

    output_dir.mkdir(parents=True, exist_ok=True)
    # Last to come, and first to go: splits of which one is new and one is old are not taken for whole.
    for name in ("report.json", "labels.json"):
        (output_dir / name).unlink(missing_ok=True)
    held_out = {name: sorted(marks[where == SPLITS.index(name)].tolist()) for name in SPLITS[1:]}
    for number, name in enumerate(SPLITS):
        part = papers.loc[where == number, ["title", "abstract", "tasks", "keywords", "masked"]]
        encoder.write_table(output_dir / f"{name}.csv", part)
        report[f"papers_{name}"] = len(part)
    (output_dir / "unlabelled.csv").unlink(missing_ok=True)
    if len(unlabelled):
        encoder.write_table(output_dir / "unlabelled.csv", unlabelled)
    report["tasks_per_paper"] = round(sum(counts[task] for task in kept) / len(papers), 3)
    report["papers_per_task"] = {task: counts[task] for task in kept}
    atomic.write_json(output_dir / HELD_OUT.name, held_out)
    atomic.write_json(output_dir / "labels.json", kept)
    atomic.write_json(output_dir / "report.json", report)
    return report


def read_labels(prepared_dir: Path) -> list[str]:
    """The tasks that `prepare` kept, in vocabulary order. Raises InputError if they are not there."""
    path = prepared_dir / "labels.json"
    if not path.is_file():
        raise InputError(f"{path} is missing: make it with python -m paper_tasks prepare.")
    return json.loads(path.read_text(encoding="utf-8"))


def read_split(prepared_dir: Path, name: str) -> pd.DataFrame:
    """One split as `prepare` wrote it, or its `unlabelled` papers; `tasks`, where there are any, are lists of names.

    Raises InputError if it is not there.
    """
    path = prepared_dir / f"{name}.csv"
    if not path.is_file():
        raise InputError(f"{path} is missing: make it with python -m paper_tasks prepare.")
    papers = tables.read_table(path)
    for column in papers.columns.intersection(["tasks", "keywords"]):
        papers[column] = parse_column(papers[column], path)
    return papers


def has_unlabelled(prepared_dir: Path) -> bool:
    """Whether `prepare` met papers without a task; then `read_split` reads them too."""
    return (prepared_dir / "unlabelled.csv").is_file()


def pairs(papers: pd.DataFrame, description: str) -> Iterator[tuple[str, str]]:
    """(title, abstract) of each paper, for the classifier; with a progress bar."""
    rows = zip(papers["title"], papers["abstract"], strict=True)
    yield from tqdm(rows, desc=description, total=len(papers), unit="paper", delay=1, disable=None)


def texts(papers: pd.DataFrame) -> list[str]:
    """Title and abstract of each paper, as the one string that the model reads."""
    return [format_paper(*paper, TEXT_FORMAT) for paper in zip(papers["title"], papers["abstract"], strict=True)]


def multi_hot(tasks: Iterable[Iterable[str]], labels: list[str]) -> np.ndarray:
    """0 and 1, int64, (papers, labels). (int8 overflows inside scikit-learn's sparse columns beyond 128.)"""
    places = {name: place for place, name in enumerate(labels)}
    rows = [[places[name] for name in names if name in places] for names in tasks]
    matrix = np.zeros((len(rows), len(labels)), dtype=np.int64)
    for row, columns in enumerate(rows):
        matrix[row, columns] = 1
    return matrix


def held_out_checksum(prepared_dir: Path) -> str:
    """Tells the papers that are held out here from others. Raises InputError if `prepare` has not told them."""
    path = prepared_dir / HELD_OUT.name
    if not path.is_file():
        raise InputError(f"{path} is missing: make it with python -m paper_tasks prepare.")
    return file_checksum(path)


def _known_places() -> dict[str, int]:
    """Fingerprints of the papers of HELD_OUT, and the place of their split in SPLITS."""
    held_out = json.loads(HELD_OUT.read_text(encoding="utf-8"))
    return {mark: SPLITS.index(name) for name, marks in held_out.items() for mark in marks}


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()


def _fingerprints(papers: pd.DataFrame) -> np.ndarray:
    """(papers,): a short hash of each one's title, or of its abstract if it has none."""
    texts = map(_letters, papers["title"].where(papers["title"] != "", papers["abstract"]))
    return np.array([hashlib.sha1(text.encode()).hexdigest()[:10] for text in texts])


def _draw(labels: np.ndarray, rows: np.ndarray, share: float, seed: int) -> np.ndarray:
    if len(rows) * share < 1:
        return rows[:0]
    # Nothing would be left to draw from.
    if math.ceil(len(rows) * share) >= len(rows):
        return rows
    splitter = MultilabelStratifiedShuffleSplit(n_splits=1, test_size=share, random_state=seed)
    _, drawn = next(splitter.split(rows, labels[rows]))
    return rows[drawn]


def _masked(papers: pd.DataFrame, kept: list[str], labeller: Labeller) -> list[str]:
    places = {name: place for place, name in enumerate(kept)}
    rows = zip(texts(papers), papers["tasks"], strict=True)
    return [
        labeller.remove_mentions(text, {places[task] for task in tasks})
        for text, tasks in tqdm(rows, total=len(papers), desc="masking", unit="paper", delay=1, disable=None)
    ]
