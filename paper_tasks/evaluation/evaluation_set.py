"""Papers that no system has learned from, and every score of a system on them."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from paper_tasks.data import vocabulary
from paper_tasks.data.distant_labels import Labeller, is_subject
from paper_tasks.data.prepare import multi_hot
from paper_tasks.modeling import metrics
from paper_tasks.modeling.metrics import Statistic

# Training papers of a task: macro-F1 is also measured in bins from each of these to the next.
FREQUENCIES = (0, 50, 150, 500)
# Of so many training papers a task should be found at least once.
ENOUGH = 30


class Predictions(NamedTuple):
    """What a system says of some papers; arrays are (papers, labels).

    scores: higher is likelier, minus infinity is not ranked. predicted: 0 and 1, the tags it gives by itself.
    masked: scores of the same papers with every mention of their labels cut out; None where that makes no sense.
    are_probabilities: whether scores claim to be, and calibration can be measured.
    note: what a reader of its row must know.
    """

    scores: np.ndarray
    predicted: np.ndarray
    masked: np.ndarray | None = None
    are_probabilities: bool = False
    note: str = ""


class EvaluationSet:
    """Papers of one split, with the three kinds of truth that a system is measured against.

    `truth`: distant labels, (papers, labels). `keywords`: the tasks that the authors' keywords name, `own`: those of
    papers whose keywords are all in the authors' own words, and `mentioned`: the tasks that title or abstract name
    too; all three (papers, tasks as a reader sees them).
    train_papers: (labels,), how many papers a system could learn each label from; None leaves out what needs it.
    """

    def __init__(self, papers: pd.DataFrame, labels: list[str], train_papers: Sequence[int] | None = None) -> None:
        self.papers = papers
        self.labels = labels
        self.train_papers = None if train_papers is None else np.asarray(train_papers)
        self.readers = metrics.CanonicalTasks(labels)
        self.truth = multi_hot(papers["tasks"], labels)
        labeller = Labeller([vocabulary.task(name) for name in labels])
        self.keywords = self._merged(map(labeller.keyword_tasks, papers["keywords"]))
        in_own_words = [not any(map(is_subject, keywords)) for keywords in papers["keywords"]]
        self.own = self.keywords * np.array(in_own_words, dtype=np.int64)[:, None]
        self.mentioned = self._merged(
            labeller.text_tasks(title, abstract)
            for title, abstract in zip(papers["title"], papers["abstract"], strict=True)
        )

    def _merged(self, places: Iterable[set[int]]) -> np.ndarray:
        matrix = np.zeros(self.truth.shape, dtype=np.int64)
        for row, columns in enumerate(places):
            matrix[row, list(columns)] = 1
        return self.readers.merge(matrix)

    def statistics(self, answers: Predictions) -> dict[str, Statistic]:
        """Every score by its name.

        Scores against distant labels are over the labels as they are; recalls, coverage and precision over tasks as
        a reader sees them: spellings merged, artefacts left out.
        """
        truth, (scores, predicted, masked, are_probabilities, _) = self.truth, answers
        shown_truth, shown = self.readers.merge(truth), self.readers.merge(predicted)
        found = {
            "micro_f1": metrics.micro_f1(truth, predicted),
            "macro_f1": metrics.macro_f1(truth, predicted),
            "subset_accuracy": metrics.subset_accuracy(truth, predicted),
            "precision_at_1": metrics.precision_at_k(truth, scores, 1),
            "precision_at_3": metrics.precision_at_k(truth, scores, 3),
            "ndcg_at_5": metrics.ndcg_at_k(truth, scores, 5),
        }
        for name, columns in self.bins().items():
            found[f"macro_f1_{name}"] = metrics.macro_f1(truth[:, columns], predicted[:, columns])
        hits = metrics.hits_at_k(self.keywords, self.readers.merge(scores))
        found |= {
            "keyword_recall_at_5": metrics.micro_recall(hits, self.keywords),
            "keyword_recall_at_5_mentioned": metrics.micro_recall(hits, self.keywords & self.mentioned),
            "keyword_recall_at_5_unmentioned": metrics.micro_recall(hits, self.keywords & ~self.mentioned & 1),
            "keyword_recall_at_5_own": metrics.micro_recall(hits, self.own),
            "keyword_recall_at_5_own_unmentioned": metrics.micro_recall(hits, self.own & ~self.mentioned & 1),
        }
        if masked is not None:
            hits = metrics.hits_at_k(shown_truth, self.readers.merge(masked))
            found["masked_recall_at_5"] = metrics.micro_recall(hits, shown_truth)
            found["masked_recall_at_5_macro"] = metrics.macro_recall(hits, shown_truth)
        found["coverage"] = metrics.share(shown.any(axis=1))
        found["precision"] = metrics.precision(shown_truth, shown)
        if are_probabilities:
            found["calibration_error"] = metrics.calibration_error(truth, scores)
            found["calibration_error_at_1"] = metrics.top_calibration_error(truth, scores)
            if masked is not None:
                found["calibration_error_at_1_masked"] = metrics.top_calibration_error(truth, masked)
        return found

    def measure(self, answers: Predictions, bootstrap: metrics.Bootstrap | None = None) -> dict:
        """Every score that is defined here, with its 95% interval where there is a `bootstrap`.

        A recall of tasks that no paper has is left out.
        """
        measured: dict = {}
        for name, statistic in self.statistics(answers).items():
            if np.isnan(value := statistic.value()):
                continue
            measured[name] = value
            if bootstrap is not None:
                measured[f"{name}_interval"] = metrics.interval(bootstrap.values(statistic))
        if self.train_papers is not None:
            f1 = metrics.f1_by_label(self.truth, answers.predicted)
            counted = (self.train_papers >= ENOUGH) & self.truth.any(axis=0)
            measured["tasks_at_f1_0"] = int((counted & (f1 == 0)).sum())
        return measured

    def bins(self) -> dict[str, np.ndarray]:
        """Labels (places) by how many papers one could learn them from; the names are those of the scores."""
        if self.train_papers is None:
            return {}
        ends = (*FREQUENCIES[1:], np.inf)
        names = [f"{low}_to_{high - 1}" for low, high in zip(FREQUENCIES, ends[:-1], strict=False)]
        names.append(f"{FREQUENCIES[-1]}_up")
        return {
            name: np.flatnonzero((self.train_papers >= low) & (self.train_papers < high))
            for name, low, high in zip(names, FREQUENCIES, ends, strict=True)
        }

    def by_area(self, answers: Predictions) -> dict[str, dict]:
        """For each area: how many tasks it has here, how many papers, and how well a system finds them."""
        areas = np.array([vocabulary.task(name).area for name in self.labels])
        shown_areas = np.array([vocabulary.task(name).area for name in self.readers.names])
        shown_truth = self.readers.merge(self.truth)
        in_keywords = metrics.hits_at_k(self.keywords, self.readers.merge(answers.scores))
        rows = {}
        for area in dict.fromkeys(shown_areas.tolist()):
            columns, shown = areas == area, shown_areas == area
            found = {
                "micro_f1": metrics.micro_f1(self.truth[:, columns], answers.predicted[:, columns]),
                "macro_f1": metrics.macro_f1(self.truth[:, columns], answers.predicted[:, columns]),
                "keyword_recall_at_5": metrics.micro_recall(in_keywords[:, shown], self.keywords[:, shown]),
            }
            if answers.masked is not None:
                hits = metrics.hits_at_k(shown_truth, self.readers.merge(answers.masked))
                found["masked_recall_at_5"] = metrics.micro_recall(hits[:, shown], shown_truth[:, shown])
            counts = {"tasks": int(shown.sum()), "papers": int(shown_truth[:, shown].any(axis=1).sum())}
            values = {name: statistic.value() for name, statistic in found.items()}
            rows[area] = counts | {name: value for name, value in values.items() if not np.isnan(value)}
        return dict(sorted(rows.items(), key=lambda row: -row[1]["papers"]))
