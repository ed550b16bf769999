"""String matching: a paper has every task that its title or abstract names."""

import numpy as np
import pandas as pd
from tqdm import tqdm

from paper_tasks.data import vocabulary
from paper_tasks.data.distant_labels import Labeller
from paper_tasks.evaluation.evaluation_data import EvaluationData
from paper_tasks.evaluation.evaluation_set import Predictions
from paper_tasks.evaluation.score_cache import ScoreCache

# A mention in the title counts as much as five in the abstract.
TITLE_WEIGHT, ABSTRACT_WEIGHT = 5, 1


def predict(data: EvaluationData, _: ScoreCache) -> Predictions:
    """Tags each paper with every task that it names. There are no masked scores: a masked text names nothing."""
    scores = matching_scores(data.papers, data.labels)
    return Predictions(scores, (scores > 0).astype(np.int64))


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
