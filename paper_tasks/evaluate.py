"""One table on held-out papers: the shipped model beside string matching and a linear SVM."""

from pathlib import Path

import numpy as np
import pandas as pd

from deployment.classifier import TaskClassifier
from paper_tasks import metrics, tables, vocabulary
from paper_tasks.baselines import LinearSvm, matching_scores
from paper_tasks.errors import InputError
from paper_tasks.label import Labeller
from paper_tasks.prepare import indicator, pairs, read_labels, read_split

MARKS = ("<!-- evaluation: from here on written by `make evaluate` -->", "<!-- evaluation: to here -->")
COLUMNS = {
    "micro_f1": "micro-F1",
    "macro_f1": "macro-F1",
    "subset_accuracy": "subset accuracy",
    "precision_at_1": "P@1",
    "keyword_recall_at_5": "overall",
    "keyword_recall_at_5_mentioned": "mentioned",
    "keyword_recall_at_5_unmentioned": "unmentioned",
    "masked_recall_at_5": "masked",
}


class HeldOut:
    """Papers of one split, with the three kinds of truth that a system is measured against.

    `truth`: distant labels, (papers, labels). `keywords`: the tasks that the authors' keywords name, and
    `mentioned`: those that title or abstract name too; both (papers, tasks as a reader sees them).
    """

    def __init__(self, papers: pd.DataFrame, labels: list[str]) -> None:
        self.papers = papers
        self.labels = labels
        self.readers = metrics.Readers(labels)
        self.truth = indicator(papers["tasks"], labels)
        labeller = Labeller([vocabulary.task(name) for name in labels])
        self.keywords = self._merged(map(labeller.keyword_tasks, papers["keywords"]))
        self.mentioned = self._merged(
            labeller.text_tasks(title, abstract)
            for title, abstract in zip(papers["title"], papers["abstract"], strict=True)
        )

    def _merged(self, places) -> np.ndarray:
        matrix = np.zeros(self.truth.shape, dtype=np.int64)
        for row, columns in enumerate(places):
            matrix[row, list(columns)] = 1
        return self.readers.merge(matrix)

    def measure(self, scores: np.ndarray, threshold: float, masked: np.ndarray | None) -> dict:
        """All scores of a system. scores: (papers, labels), higher is likelier; masked: scores of the papers
        with every mention of their labels cut out. A recall of tasks that no paper has is left out."""
        hits = metrics.hits_at_k(self.keywords, self.readers.merge(scores))
        measured = metrics.threshold_scores(self.truth, (scores >= threshold).astype(np.int64))
        measured["precision_at_1"] = metrics.precision_at_1(self.truth, scores)
        for name, part in (
            ("keyword_recall_at_5", self.keywords),
            ("keyword_recall_at_5_mentioned", self.keywords & self.mentioned),
            ("keyword_recall_at_5_unmentioned", self.keywords & ~self.mentioned & 1),
        ):
            rows = np.flatnonzero(part.any(axis=1))
            if not len(rows):
                continue
            found, named = (hits & part.astype(bool))[rows].sum(axis=1), part[rows].sum(axis=1)
            measured[name] = float(found.sum() / named.sum())
            measured[f"{name}_interval"] = metrics.bootstrap_interval(
                lambda drawn, found=found, named=named: found[drawn].sum() / named[drawn].sum(), len(rows)
            )
        if masked is not None:
            truth = self.readers.merge(self.truth)
            measured["masked_recall_at_5"] = metrics.recall(metrics.hits_at_k(truth, self.readers.merge(masked)), truth)
        return measured


def evaluate(
    prepared_dir: Path, model_dirs: dict[str, Path], output_dir: Path, split: str = "test", rows: int | None = None
) -> dict[str, dict]:
    """Measures matching, the SVM and each exported model (name to folder) on one split of `prepared_dir`, or on its
    first `rows` papers.

    Writes `evaluation.json`, `evaluation.md` and `per_task.csv` to `output_dir`; returns scores by system.
    Every system's threshold is the best one on the development split, and the same for all tasks.
    """
    labels = read_labels(prepared_dir)
    held_out = HeldOut(read_split(prepared_dir, split)[:rows], labels)
    papers = held_out.papers
    systems = {"string matching": held_out.measure(matching_scores(papers, labels), 0.0, None)}
    systems["TF-IDF + linear SVM"] = _measure_svm(held_out, prepared_dir)
    masked_papers = pd.DataFrame({"title": "", "abstract": papers["masked"]})
    per_task: dict[str, np.ndarray] = {}
    for name, folder in model_dirs.items():
        classifier = TaskClassifier.load(folder)
        if list(classifier.labels) != labels:
            raise InputError(f"{folder} was trained on other tasks than {prepared_dir}; prepare or train again.")
        scores = classifier.probabilities(pairs(papers, f"{name}, as published"))
        masked = classifier.probabilities(pairs(masked_papers, f"{name}, masked"))
        systems[name] = held_out.measure(scores, classifier.default_threshold, masked)
        per_task[name] = (scores >= classifier.thresholds).astype(np.int64)

    counts = {
        "split": split,
        "papers": len(papers),
        "distant_labels": int(held_out.truth.sum()),
        "keyword_tasks": int(held_out.keywords.sum()),
        "keyword_tasks_unmentioned": int((held_out.keywords & ~held_out.mentioned & 1).sum()),
    }
    output_dir.mkdir(parents=True, exist_ok=True)
    tables.write_json(output_dir / "evaluation.json", counts | {"systems": systems})
    with tables.write_atomic(output_dir / "evaluation.md") as path:
        path.write_text(markdown(counts, systems), encoding="utf-8")
    with tables.write_atomic(output_dir / "per_task.csv") as path:
        _per_task(held_out, per_task).to_csv(path, index=False)
    return systems


def markdown(counts: dict, systems: dict[str, dict]) -> str:
    """The table of the README."""
    lines = [
        f"Measured on {counts['papers']:,} held-out papers ({counts['split']} split). The first four columns "
        "score against distant labels, which a string matcher made; recall@5 is over the "
        f"{counts['keyword_tasks']:,} tasks that authors name in their keywords, of which "
        f"{counts['keyword_tasks_unmentioned']:,} stand in neither title nor abstract; `masked` is recall@5 "
        "on distant labels when every mention of them is cut from the text.",
        "",
        "| system | " + " | ".join(COLUMNS.values()) + " |",
        "|---|" + "---:|" * len(COLUMNS),
    ]
    for name, scores in systems.items():
        cells = (f"{scores[column]:.3f}" if column in scores else "–" for column in COLUMNS)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def update_document(document: Path, table: str) -> None:
    """Puts the table between the two marks in a document. Raises InputError if it has no such marks."""
    text = document.read_text(encoding="utf-8")
    before, start, rest = text.partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not (start and end):
        raise InputError(f"{document} has no line '{MARKS[0]}' and '{MARKS[1]}' to put the table between.")
    with tables.write_atomic(document) as path:
        path.write_text(f"{before}{start}\n{table}{end}{after}", encoding="utf-8")


def _measure_svm(held_out: HeldOut, prepared_dir: Path) -> dict:
    train, dev = read_split(prepared_dir, "train"), read_split(prepared_dir, "dev")
    svm = LinearSvm().fit(_texts(train), indicator(train["tasks"], held_out.labels))
    threshold = metrics.best_threshold(indicator(dev["tasks"], held_out.labels), svm.scores(_texts(dev)))
    papers = held_out.papers
    return held_out.measure(svm.scores(_texts(papers)), threshold, svm.scores(list(papers["masked"])))


def _texts(papers: pd.DataFrame) -> list[str]:
    return list(papers["title"] + ". " + papers["abstract"])


def _per_task(held_out: HeldOut, predicted: dict[str, np.ndarray]) -> pd.DataFrame:
    table = pd.DataFrame({"task": held_out.labels, "papers": held_out.truth.sum(axis=0)})
    for name, labels in predicted.items():
        hits = (labels & held_out.truth).sum(axis=0)
        table[f"f1 {name}"] = (2 * hits / np.maximum(1, labels.sum(axis=0) + table["papers"])).round(4)
    return table
