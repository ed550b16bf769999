"""The papers of a table to label, those first that the model is least sure of."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from paper_tasks.data.paper_ids import paper_id
from paper_tasks.errors import InputError
from paper_tasks.io.rows import paper_texts
from paper_tasks.io.tables import read_rows
from paper_tasks.tagger.classifier import TaskClassifier
from paper_tasks.tagger.text import has_words


class Paper(NamedTuple):
    """A paper to label. id: see `paper_id`."""

    id: str
    title: str
    abstract: str


def read_papers(source: Path) -> list[Paper]:
    """The papers that have a title and an abstract, each once, in the order of the table.

    Raises InputError for a table without any, for the first broken row, and as `read_rows` does.
    """
    papers: dict[str, Paper] = {}
    for row in read_rows(source):
        if row.problem:
            raise InputError(f"{source}, {row.position}: {row.problem}; correct or remove the row.")
        title, abstract = map(str, paper_texts(row.values))
        if has_words(title) and has_words(abstract):
            papers.setdefault(paper_id(title), Paper(paper_id(title), title, abstract))
    if not papers:
        raise InputError(f"{source} has no paper with a title and an abstract; name a table with both.")
    return [*papers.values()]


def least_sure_first(papers: list[Paper], classifier: TaskClassifier) -> list[Paper]:
    """The papers by how near a task's probability comes to the threshold of the task, the nearest first."""
    pairs = ((paper.title, paper.abstract) for paper in papers)
    bar = tqdm(pairs, total=len(papers), desc="ranking", unit="paper", delay=1, disable=None)
    distances = np.abs(classifier.probabilities(bar) - classifier.thresholds).min(axis=1)
    return [papers[index] for index in np.argsort(distances, kind="stable")]
