"""The held-out papers of a folder of read labels, and every score of a system on each set of them.

The sets are papers that were read, younger papers that were read, and papers with positives, such as Papers with Code's
own labels. Predictions are made for all sets together.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from paper_tasks.data import vocabulary
from paper_tasks.data.distant_labels import Labeller
from paper_tasks.data.fingerprints import folder_checksum, held_out_checksum
from paper_tasks.data.prepared_folder import (
    POSITIVES,
    held_out_sets,
    in_every_spelling,
    multi_hot,
    read_labels,
    read_split,
)
from paper_tasks.errors import InputError
from paper_tasks.evaluation.evaluation_data import EvaluationData
from paper_tasks.evaluation.evaluation_set import Predictions
from paper_tasks.evaluation.read_labels import scores
from paper_tasks.evaluation.read_labels.report import SetSize
from paper_tasks.evaluation.report import SystemScores
from paper_tasks.evaluation.score_cache import ScoreCache
from paper_tasks.modeling import metrics
from paper_tasks.modeling.metrics import Statistic

# Papers with Code's own labels. Where a table has them, other sources, such as curated lists, serve for training alone.
PAPERS_WITH_CODE = "pwc"


class PaperSet:
    """The papers of one set.

    Attributes:
        name: `READ`, `MODERN` or `POSITIVES`.
        rows: boolean, which rows of the predictions are of this set.
        tasks: the canonical tasks, which are the columns of all arrays here.
        main: the tasks of each paper; 0 and 1, (papers, tasks).
        ok: the tasks that fit too; 0 and 1, (papers, tasks).
    """

    def __init__(self, name: str, rows: np.ndarray, papers: pd.DataFrame, labels: list[str]) -> None:
        self.name, self.rows, self._labels = name, rows, labels
        self._canonical = metrics.CanonicalTasks(labels)
        self.tasks = self._canonical.names
        self.main, self.ok = self._merged(papers["tasks"]), self._merged(papers["ok"])
        if name == POSITIVES:
            labeller = Labeller([vocabulary.task(label) for label in labels])
            texts = zip(papers["title"], papers["abstract"], strict=True)
            named = ([labels[index] for index in labeller.text_tasks(*text)] for text in texts)
            self._mentioned = self._canonical.merge(multi_hot(named, labels))
            is_complete = papers["complete"] if "complete" in papers else pd.Series("", index=papers.index)
            self._complete = (is_complete.str.lower() == "true").to_numpy()

    def _merged(self, tasks: Iterable[Iterable[str]]) -> np.ndarray:
        return self._canonical.merge(multi_hot(in_every_spelling(tasks, self._labels), self._labels))

    def shown(self, predictions: Predictions) -> np.ndarray:
        """The tags of the first level, as `TaskClassifier.rank` shows them; 0 and 1, (papers, tasks)."""
        return self._canonical.merge(predictions.predicted[self.rows])

    def scores(self, predictions: Predictions) -> np.ndarray:
        """The scores of all tasks: (papers, tasks)."""
        return self._canonical.merge(predictions.scores[self.rows])

    def statistics(self, predictions: Predictions) -> dict[str, Statistic]:
        """Every score by its name."""
        shown, ranking = self.shown(predictions), self.scores(predictions)
        if self.name == POSITIVES:
            return scores.positives(self.main, self._mentioned, self._complete, shown, ranking)
        found = scores.level_main(self.main, self.ok, shown, ranking)
        if predictions.also is not None:
            either = shown | self._canonical.merge(predictions.also[self.rows])
            found |= scores.both_levels(self.main, self.ok, either)
        if predictions.are_probabilities:
            found["calibration_error"] = scores.calibration_error(self.main, self.ok, shown, ranking)
        return found

    def measure(self, predictions: Predictions, bootstrap: metrics.Bootstrap) -> SystemScores:
        """Every score that is defined on these papers, with its 95% interval."""
        found = SystemScores({}, {})
        for name, statistic in self.statistics(predictions).items():
            if not np.isnan(value := statistic.value()):
                found.values[name] = value
                found.intervals[name] = metrics.interval(bootstrap.values(statistic))
        return found

    def judged(self, predictions: Predictions) -> tuple[np.ndarray, np.ndarray]:
        """For each tag that the calibration error counts: whether it is right, and its probability; both (tags, 1)."""
        judged = scores.calibrated(self.main, self.ok, self.shown(predictions))
        return self.main[judged][:, None], self.scores(predictions)[judged][:, None]

    def f1_by_task(self, predictions: Predictions) -> np.ndarray:
        """(tasks,): the F1 of each task; tasks that fit a paper do not count."""
        counted = self.shown(predictions) * ~scores.neutral(self.main, self.ok)
        return metrics.f1_by_label(self.main, counted)

    def size(self) -> SetSize:
        """How many papers and tasks there are."""
        papers, tasks = len(self.main), int(self.main.sum())
        if self.name != POSITIVES:
            return SetSize(papers, tasks, without_task=int((~(self.main | self.ok).any(axis=1)).sum()))
        unmentioned = int((self.main * (self._mentioned == 0)).sum())
        return SetSize(papers, tasks, unmentioned=unmentioned, complete=int(self._complete.sum()))


def load_paper_sets(
    prepared_dir: Path, split: str, rows: int | None = None, cache_dir: Path | None = None
) -> tuple[EvaluationData, list[PaperSet], ScoreCache]:
    """Reads the sets of a split, or the first `rows` papers of each, and opens the cache of what systems predicted.

    Papers that are nearly the same as one to learn from stay, so that the scores are those of the labels' whole files.

    Raises InputError for a missing file, or for the papers to learn from.
    """
    if split == "train":
        raise InputError("Read labels are measured on papers that no system learned from; name --split dev or test.")
    train, dev, labels = read_split(prepared_dir, "train"), read_split(prepared_dir, "dev"), read_labels(prepared_dir)
    parts: dict[str, pd.DataFrame] = {}
    for key, name in held_out_sets(prepared_dir, split).items():
        papers = read_split(prepared_dir, name)
        if key == POSITIVES and "source" in papers and (is_own := papers["source"] == PAPERS_WITH_CODE).any():
            papers = papers[is_own]
        if len(papers):
            parts[key] = papers[:rows]
    papers = pd.concat(parts, names=["set"]).reset_index(level="set").reset_index(drop=True)
    sets = [PaperSet(key, (papers["set"] == key).to_numpy(), part, labels) for key, part in parts.items()]
    data = EvaluationData(train, dev, papers, labels, held_out_checksum(prepared_dir), near_duplicates=0)
    return data, sets, ScoreCache(cache_dir, folder_checksum(prepared_dir, split, rows))
