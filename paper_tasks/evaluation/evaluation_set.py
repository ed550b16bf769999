"""The papers that systems are measured on, and every score of a system on them."""

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from paper_tasks.data import vocabulary
from paper_tasks.data.distant_labels import Labeller, is_subject
from paper_tasks.data.prepared_folder import multi_hot
from paper_tasks.evaluation.report import AreaScores, SystemScores
from paper_tasks.evaluation.score_cache import Arrays
from paper_tasks.modeling import metrics
from paper_tasks.modeling.metrics import Statistic

# Macro-F1 is also measured over tasks by their number of training papers, in bins that start here.
FREQUENCIES = (0, 50, 150, 500)
# A system should find a task with so many training papers at least once.
ENOUGH_PAPERS = 30


class Predictions(NamedTuple):
    """What a system predicts for some papers. Arrays are (papers, labels).

    Attributes:
        scores: a higher score is more likely; minus infinity is not ranked.
        predicted: 0 and 1, the tags that the system gives at its own thresholds.
        masked: the scores of texts whose mentions of their labels are cut out; None if the system has no use for them.
        are_probabilities: whether the scores are probabilities, so that calibration can be measured.
        note: what a reader of the system's row must know.
        also: 0 and 1, the tags that fit a paper too; None for a system that knows one level.
    """

    scores: np.ndarray
    predicted: np.ndarray
    masked: np.ndarray | None = None
    are_probabilities: bool = False
    note: str = ""
    also: np.ndarray | None = None

    @classmethod
    def at(
        cls, thresholds: float | np.ndarray, arrays: Arrays, are_probabilities: bool = False, note: str = ""
    ) -> "Predictions":
        """Tags where a score reaches its threshold: one for all labels, or one for each, (labels,).

        arrays: the scores of the texts as `published`, and `masked`.
        """
        predicted = (arrays["published"] >= thresholds).astype(np.int64)
        return cls(arrays["published"], predicted, arrays["masked"], are_probabilities, note)

    def rows(self, chosen: np.ndarray) -> "Predictions":
        """The predictions for some of the papers; chosen: boolean (papers,)."""
        masked, also = (None if array is None else array[chosen] for array in (self.masked, self.also))
        return self._replace(scores=self.scores[chosen], predicted=self.predicted[chosen], masked=masked, also=also)


class EvaluationSet:
    """The papers of one split, with the labels and tasks that a system should find.

    Attributes:
        truth: the labels of each paper; 0 and 1, (papers, labels).
        keyword_truth: the tasks that the authors' keywords name; 0 and 1, (papers, canonical tasks).
        own_words_truth: the same, but only of papers whose keywords are all in the authors' own words.
        mentioned: the tasks that title or abstract names; 0 and 1, (papers, canonical tasks).
        train_papers: (labels,), from how many papers a system could learn each label. None skips scores that need it.
    """

    def __init__(self, papers: pd.DataFrame, labels: list[str], train_papers: Sequence[int] | None = None) -> None:
        self.papers = papers
        self.labels = labels
        self.train_papers = None if train_papers is None else np.asarray(train_papers)
        self.canonical_tasks = metrics.CanonicalTasks(labels)
        self.truth = multi_hot(papers["tasks"], labels)
        labeller = Labeller([vocabulary.task(name) for name in labels])
        self.keyword_truth = self._merged(map(labeller.keyword_tasks, papers["keywords"]))
        in_own_words = [not any(map(is_subject, keywords)) for keywords in papers["keywords"]]
        self.own_words_truth = self.keyword_truth * np.array(in_own_words, dtype=np.int64)[:, None]
        self.mentioned = self._merged(
            labeller.text_tasks(title, abstract)
            for title, abstract in zip(papers["title"], papers["abstract"], strict=True)
        )

    def _merged(self, indices: Iterable[set[int]]) -> np.ndarray:
        """Each paper's label indices as 0 and 1, (papers, canonical tasks)."""
        matrix = np.zeros(self.truth.shape, dtype=np.int64)
        for row, columns in enumerate(indices):
            matrix[row, list(columns)] = 1
        return self.canonical_tasks.merge(matrix)

    @property
    def unmentioned_keyword_truth(self) -> np.ndarray:
        """The tasks that the authors' keywords name, and neither title nor abstract."""
        return self.keyword_truth & ~self.mentioned & 1

    @property
    def unmentioned_own_words_truth(self) -> np.ndarray:
        """The same, but only of papers whose keywords are all in the authors' own words."""
        return self.own_words_truth & ~self.mentioned & 1

    def statistics(self, predictions: Predictions) -> dict[str, Statistic]:
        """Every score by its name.

        F1, accuracy, precision@k and nDCG are over all labels. Recalls, coverage and precision are over canonical
        tasks: spellings are merged and artefacts left out.
        """
        found = self._label_statistics(predictions) | self._keyword_statistics(predictions.scores)
        merge = self.canonical_tasks.merge
        merged_truth, merged_predicted = merge(self.truth), merge(predictions.predicted)
        if predictions.masked is not None:
            hits = metrics.hits_at_k(merged_truth, merge(predictions.masked))
            found["masked_recall_at_5"] = metrics.micro_recall(hits, merged_truth)
            found["masked_recall_at_5_macro"] = metrics.macro_recall(hits, merged_truth)
        found["coverage"] = metrics.share(merged_predicted.max(axis=1))
        found["precision"] = metrics.precision(merged_truth, merged_predicted)
        if predictions.are_probabilities:
            found["calibration_error"] = metrics.calibration_error(self.truth, predictions.scores)
            found["calibration_error_at_1"] = metrics.top_calibration_error(self.truth, predictions.scores)
            if predictions.masked is not None:
                found["calibration_error_at_1_masked"] = metrics.top_calibration_error(self.truth, predictions.masked)
        return found

    def _label_statistics(self, predictions: Predictions) -> dict[str, Statistic]:
        truth, scores, predicted = self.truth, predictions.scores, predictions.predicted
        found = {
            "micro_f1": metrics.micro_f1(truth, predicted),
            "macro_f1": metrics.macro_f1(truth, predicted),
            "subset_accuracy": metrics.subset_accuracy(truth, predicted),
            "precision_at_1": metrics.precision_at_k(truth, scores, 1),
            "precision_at_3": metrics.precision_at_k(truth, scores, 3),
            "ndcg_at_5": metrics.ndcg_at_k(truth, scores, 5),
        }
        for name, columns in self.frequency_bins().items():
            found[f"macro_f1_{name}"] = metrics.macro_f1(truth[:, columns], predicted[:, columns])
        return found

    def _keyword_statistics(self, scores: np.ndarray) -> dict[str, Statistic]:
        hits = metrics.hits_at_k(self.keyword_truth, self.canonical_tasks.merge(scores))
        truths = {
            "keyword_recall_at_5": self.keyword_truth,
            "keyword_recall_at_5_mentioned": self.keyword_truth & self.mentioned,
            "keyword_recall_at_5_unmentioned": self.unmentioned_keyword_truth,
            "keyword_recall_at_5_own": self.own_words_truth,
            "keyword_recall_at_5_own_unmentioned": self.unmentioned_own_words_truth,
        }
        return {name: metrics.micro_recall(hits, truth) for name, truth in truths.items()}

    def measure(self, predictions: Predictions, bootstrap: metrics.Bootstrap | None = None) -> SystemScores:
        """Every score that is defined on these papers, with its 95% interval if there is a `bootstrap`.

        A recall of tasks that no paper has is not defined.
        """
        scores = SystemScores({}, {})
        for name, statistic in self.statistics(predictions).items():
            if np.isnan(value := statistic.value()):
                continue
            scores.values[name] = value
            if bootstrap is not None:
                scores.intervals[name] = metrics.interval(bootstrap.values(statistic))
        if self.train_papers is not None:
            f1 = metrics.f1_by_label(self.truth, predictions.predicted)
            counted = (self.train_papers >= ENOUGH_PAPERS) & self.truth.any(axis=0)
            scores.values["tasks_at_f1_0"] = int((counted & (f1 == 0)).sum())
        return scores

    def frequency_bins(self) -> dict[str, np.ndarray]:
        """Label indices by the number of training papers, such as `50_to_149`; the names are part of scores' names."""
        if self.train_papers is None:
            return {}
        ends = (*FREQUENCIES[1:], np.inf)
        names = [f"{low}_to_{high - 1}" for low, high in itertools.pairwise(FREQUENCIES)]
        names.append(f"{FREQUENCIES[-1]}_up")
        return {
            name: np.flatnonzero((self.train_papers >= low) & (self.train_papers < high))
            for name, low, high in zip(names, FREQUENCIES, ends, strict=True)
        }

    def by_area(self, predictions: Predictions) -> dict[str, AreaScores]:
        """The scores on the tasks of each area; the area of most papers first."""
        merge = self.canonical_tasks.merge
        label_areas = np.array([vocabulary.task(name).area for name in self.labels])
        task_areas = np.array([vocabulary.task(name).area for name in self.canonical_tasks.names])
        merged_truth = merge(self.truth)
        keyword_hits = metrics.hits_at_k(self.keyword_truth, merge(predictions.scores))
        masked = None if predictions.masked is None else metrics.hits_at_k(merged_truth, merge(predictions.masked))
        areas = {}
        for area in dict.fromkeys(task_areas.tolist()):
            labels, tasks = label_areas == area, task_areas == area
            truth, predicted, area_truth = (
                self.truth[:, labels],
                predictions.predicted[:, labels],
                merged_truth[:, tasks],
            )
            areas[area] = AreaScores(
                tasks=int(tasks.sum()),
                papers=int(area_truth.any(axis=1).sum()),
                micro_f1=_defined(metrics.micro_f1(truth, predicted)),
                macro_f1=_defined(metrics.macro_f1(truth, predicted)),
                keyword_recall_at_5=_defined(
                    metrics.micro_recall(keyword_hits[:, tasks], self.keyword_truth[:, tasks])
                ),
                masked_recall_at_5=(
                    None if masked is None else _defined(metrics.micro_recall(masked[:, tasks], area_truth))
                ),
            )
        return dict(sorted(areas.items(), key=lambda row: -row[1].papers))


def _defined(statistic: Statistic) -> float | None:
    value = statistic.value()
    return None if np.isnan(value) else value
