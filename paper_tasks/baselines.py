"""What one would use otherwise: a string matcher alone, and TF-IDF with linear support vector machines."""

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC
from tqdm import tqdm

from paper_tasks import vocabulary
from paper_tasks.label import Labeller


def matching_scores(papers: pd.DataFrame, labels: list[str]) -> np.ndarray:
    """How often title and abstract name each task, a mention in the title counting five: (papers, labels).

    A task that is not named scores minus infinity: the matcher does not rank what it has not seen.
    """
    labeller = Labeller([vocabulary.task(name) for name in labels])
    scores = np.full((len(papers), len(labels)), -np.inf, dtype=np.float32)
    rows = zip(papers["title"], papers["abstract"], strict=True)
    for row, texts in enumerate(tqdm(rows, total=len(papers), desc="matching", unit="paper", delay=1, disable=None)):
        for text, weight in zip(texts, (5, 1), strict=True):
            for mention in labeller.mentions(text):
                places = list(mention.tasks)
                scores[row, places] = np.maximum(scores[row, places], 0) + weight
    return scores


class LinearSvm:
    """TF-IDF of words and word pairs, one linear SVM per task (scikit-learn's, with its defaults)."""

    def __init__(self, jobs: int = 2) -> None:
        self._tfidf = TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True, dtype=np.float32)
        self._svm = OneVsRestClassifier(LinearSVC(), n_jobs=jobs)

    def fit(self, texts: list[str], truth: np.ndarray) -> "LinearSvm":
        """texts: papers; truth: (papers, labels), 0 and 1."""
        self._svm.fit(self._tfidf.fit_transform(texts), truth)
        return self

    def scores(self, texts: list[str]) -> np.ndarray:
        """Signed distances from the separating planes, (papers, labels)."""
        return self._svm.decision_function(self._tfidf.transform(texts))
