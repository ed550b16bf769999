"""String matching: a paper has every task that its title or abstract names."""

import numpy as np
import pandas as pd
from tqdm import tqdm

from paper_tasks.data import vocabulary
from paper_tasks.data.distant_labels import Labeller
from paper_tasks.evaluation.evaluation_data import EvaluationData
from paper_tasks.evaluation.evaluation_set import Predictions
from paper_tasks.evaluation.score_cache import Arrays, ScoreCache

# A mention in the title counts as much as five in the abstract.
TITLE_WEIGHT, ABSTRACT_WEIGHT = 5, 1


def predict(data: EvaluationData, cache: ScoreCache) -> Predictions:
    """Tags each paper with every task that it names often enough, which `dev` decides.

    Distant labels come from the matcher itself, so that once is enough. There are no masked scores: a masked text
    names nothing.
    """

    def compute() -> Arrays:
        scores = matching_scores(data.papers, data.labels)
        return {"published": scores} | ({"dev": matching_scores(data.dev, data.labels)} if data.is_read else {})

    arrays = cache.arrays("string-matching", "", compute)
    threshold = data.best_threshold(arrays["dev"]) if data.is_read else ABSTRACT_WEIGHT
    return Predictions(arrays["published"], (arrays["published"] >= threshold).astype(np.int64))


def matching_scores(papers: pd.DataFrame, labels: list[str]) -> np.ndarray:
    """Counts how often title and abstract name each task: float32 (papers, labels).

    A task that is not named scores minus infinity, because the matcher cannot rank it.
    """
    labeller = Labeller([vocabulary.task(name) for name in labels])
    scores = np.full((len(papers), len(labels)), -np.inf, dtype=np.float32)
    rows = zip(papers["title"], papers["abstract"], strict=True)
    for row, parts in enumerate(tqdm(rows, total=len(papers), desc="matching", unit="paper", delay=1, disable=None)):
        for text, weight in zip(parts, (TITLE_WEIGHT, ABSTRACT_WEIGHT), strict=True):
            for mention in labeller.mentions(text):
                columns = list(mention.tasks)
                scores[row, columns] = np.maximum(scores[row, columns], 0) + weight
    return scores
