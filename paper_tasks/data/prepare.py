"""From a table of papers to training, development and test splits of the papers with frequent tasks."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from paper_tasks.data import vocabulary
from paper_tasks.data.distant_labels import Labeller, label, read_papers
from paper_tasks.data.fingerprints import HELD_OUT, known_held_out, letters, paper_fingerprints
from paper_tasks.data.options import PrepareOptions
from paper_tasks.data.prepared_folder import (
    DISTANT,
    SPLITS,
    PreparationReport,
    multi_hot,
    texts,
    write_splits,
)
from paper_tasks.data.splits import draw_split, known_split
from paper_tasks.errors import InputError
from paper_tasks.tagger.text import has_words

COLUMNS = ["title", "abstract", "tasks", "keywords", "masked"]


def prepare(source: Path, output_dir: Path, options: PrepareOptions | None = None) -> PreparationReport:
    """Labels papers where the table has no tasks, drops rare tasks and duplicate papers, splits and writes the rest.

    It writes these files, and returns the content of `report.json`:

    - `train.csv`, `dev.csv` and `test.csv`, with the columns `COLUMNS`;
    - `unlabelled.csv`, if there are papers without a task: title, abstract and keywords;
    - `labels.json`, the tasks kept; `held_out.json`, the fingerprints of dev and test; and `report.json`.

    The column `masked` is the text as the model reads it, without the words that name the paper's tasks. Where a cut
    joins the text on its two sides, a new name may arise now and then.

    `HELD_OUT` has the papers that the project's own figures were measured on. A table with most of them is split as it
    was then, unless the options ask for another split.

    Raises InputError if a column is missing or nothing is left.
    """
    options = options or PrepareOptions()
    if options.dev_share + max(options.test_share, options.keyword_test_share) >= 1:
        raise InputError("Development and test papers would leave none to train on; lower --dev-share or --test-share.")
    read = read_papers(source)
    with_words = read[[has_words(text) for text in texts(read)]]
    duplicates = duplicate_rows(with_words)
    papers = with_words[~duplicates].reset_index(drop=True)

    is_distant = "tasks" not in papers
    if is_distant:
        papers["tasks"] = label(papers)
    counts = _papers_per_task(papers["tasks"], vocabulary.names() if is_distant else ())
    kept = frequent_tasks(counts, options.min_papers)
    is_kept = set(kept)
    papers["tasks"] = [[task for task in dict.fromkeys(tasks) if task in is_kept] for tasks in papers["tasks"]]
    labelled = papers["tasks"].map(bool)
    unlabelled = papers.loc[~labelled, ["title", "abstract", "keywords"]]
    papers = papers[labelled].reset_index(drop=True)
    if len(kept) < 2 or len(papers) < 3 / min(options.dev_share, options.test_share):
        raise InputError(
            f"{source}: only {len(kept)} tasks have {options.min_papers} papers or more, and {len(papers)} papers "
            "have one of them, too few to split; collect more papers or lower --min-papers."
        )

    labeller = Labeller([vocabulary.task(name) for name in kept])
    papers["masked"] = mask_names(papers, kept, labeller)
    fingerprints = paper_fingerprints(papers)
    split = known_split(fingerprints, options)
    is_known, was_held_out = split is not None, np.zeros(len(unlabelled), dtype=bool)
    if split is None:
        has_keywords = papers["keywords"].map(lambda keywords: bool(labeller.keyword_tasks(keywords)))
        split = draw_split(multi_hot(papers["tasks"], kept), has_keywords.to_numpy(dtype=bool), options)
    else:
        # Once their labels are corrected they may have a task again, and no model may have read them by then.
        was_held_out = np.isin(paper_fingerprints(unlabelled), [*known_held_out()])

    sizes = np.bincount(split, minlength=len(SPLITS)).tolist()
    report = PreparationReport(
        source=source.name,
        options=asdict(options),
        labels=DISTANT if is_distant else "the column 'tasks'",
        split=f"as in {HELD_OUT.name}" if is_known else "drawn",
        papers_read=len(read),
        papers_without_a_word_dropped=len(read) - len(with_words),
        duplicates_dropped=int(duplicates.sum()),
        papers_without_a_kept_task_dropped=int((~labelled).sum()),
        held_out_papers_without_a_kept_task_dropped=int(was_held_out.sum()) if is_known else None,
        papers_train=sizes[0],
        papers_dev=sizes[1],
        papers_test=sizes[2],
        tasks_found=sum(map(bool, counts.values())),
        tasks_kept=len(kept),
        tasks_per_paper=round(sum(counts[task] for task in kept) / len(papers), 3),
        papers_per_task={task: counts[task] for task in kept},
    )
    held_out = {name: sorted(fingerprints[split == SPLITS.index(name)].tolist()) for name in SPLITS[1:]}
    parts = {name: papers.loc[split == number, COLUMNS] for number, name in enumerate(SPLITS)}
    write_splits(output_dir, parts, held_out, report, unlabelled[~was_held_out])
    return report


def frequent_tasks(counts: Mapping[str, int], min_papers: int) -> list[str]:
    """The tasks of at least `min_papers` papers, in the order of `counts`."""
    return [task for task, papers in counts.items() if papers >= min_papers]


def duplicate_rows(papers: pd.DataFrame) -> np.ndarray:
    """Boolean array, (papers,): true for a paper with the title or the abstract of an earlier one."""
    title = papers["title"].map(letters)
    abstract = papers["abstract"].map(letters)
    is_duplicate = (title.duplicated() & (title != "")) | (abstract.duplicated() & (abstract != ""))
    rows: np.ndarray = is_duplicate.to_numpy()
    return rows


def _papers_per_task(tasks: pd.Series, names: tuple[str, ...]) -> Counter[str]:
    """How many papers have each task; `names` come first, in their order, even where no paper has them."""
    counts = Counter(dict.fromkeys(names, 0))
    counts.update(task for of_paper in tasks for task in dict.fromkeys(of_paper))
    return counts


def mask_names(papers: pd.DataFrame, kept: list[str], labeller: Labeller) -> list[str]:
    """Each paper's text without the words that name its tasks."""
    index = {name: column for column, name in enumerate(kept)}
    rows = zip(texts(papers), papers["tasks"], strict=True)
    return [
        labeller.remove_mentions(text, {index[task] for task in tasks})
        for text, tasks in tqdm(rows, total=len(papers), desc="masking", unit="paper", delay=1, disable=None)
    ]
