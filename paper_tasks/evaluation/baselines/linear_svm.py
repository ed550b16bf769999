"""A linear SVM for each task, on TF-IDF of words and word pairs: the usual baseline for texts with several labels."""

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC

from paper_tasks.data.prepared_folder import texts
from paper_tasks.evaluation.baselines.thresholds import per_task_thresholds
from paper_tasks.evaluation.evaluation_data import EvaluationData
from paper_tasks.evaluation.evaluation_set import Predictions
from paper_tasks.evaluation.score_cache import Arrays, ScoreCache


class LinearSvm:
    """TF-IDF of words and word pairs, and one of scikit-learn's linear SVMs for each task, with its defaults."""

    def __init__(self, jobs: int = 2) -> None:
        self._tfidf = TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True, dtype=np.float32)
        self._svm = OneVsRestClassifier(LinearSVC(), n_jobs=jobs)

    def __str__(self) -> str:
        """All settings: what the scores depend on besides the papers."""
        return f"{self._tfidf.get_params()} {self._svm.get_params()}"

    def fit(self, papers: Sequence[str], truth: np.ndarray) -> "LinearSvm":
        """Learns from the texts of papers, and their labels: 0 and 1, (papers, labels)."""
        self._learned = np.asarray(truth.sum(axis=0) > 0)
        self._svm.fit(self._tfidf.fit_transform(papers), truth[:, self._learned])
        return self

    def scores(self, papers: Sequence[str]) -> np.ndarray:
        """Signed distances from the separating planes, float32 (papers, labels).

        A label that no paper had scores minus infinity: nothing was learned about it.
        """
        scores = np.full((len(papers), len(self._learned)), -np.inf, dtype=np.float32)
        scores[:, self._learned] = self._svm.decision_function(self._tfidf.transform(papers))
        return scores


def predict_one_threshold(data: EvaluationData, cache: ScoreCache) -> Predictions:
    """The linear SVM, at the one threshold of highest micro-F1 on the development split."""
    arrays = _scores(data, cache)
    return Predictions.at(data.best_threshold(arrays["dev"]), arrays)


def predict_per_task_thresholds(data: EvaluationData, cache: ScoreCache) -> Predictions:
    """The same linear SVM, at a threshold for each task."""
    arrays = _scores(data, cache)
    return Predictions.at(per_task_thresholds(data.dev_truth, data.counted(arrays["dev"])), arrays)


def predict_names_cut(data: EvaluationData, cache: ScoreCache) -> Predictions:
    """A linear SVM that learned from texts without the names of their tasks, as our model does from most texts.

    This is its best chance to find a task that a text does not name.
    """
    arrays = _scores(data, cache, names_cut=True)
    return Predictions.at(data.best_threshold(arrays["dev"]), arrays)


def _scores(data: EvaluationData, cache: ScoreCache, names_cut: bool = False) -> Arrays:
    svm = LinearSvm()

    def compute() -> Arrays:
        svm.fit([*data.train["masked"]] if names_cut else texts(data.train), data.train_truth)
        return {
            "dev": svm.scores(texts(data.dev)),
            "published": svm.scores(texts(data.papers)),
            "masked": svm.scores([*data.papers["masked"]]),
        }

    return cache.arrays("svm-names-cut" if names_cut else "svm", str(svm), compute)
