"""What an exported model predicts for the papers of an evaluation, by the classifier that ships."""

from pathlib import Path

import numpy as np
import pandas as pd

from paper_tasks.data.prepared_folder import pairs
from paper_tasks.errors import InputError
from paper_tasks.evaluation.evaluation_data import EvaluationData
from paper_tasks.evaluation.evaluation_set import Predictions
from paper_tasks.evaluation.score_cache import Arrays, ScoreCache
from paper_tasks.tagger.classifier import TaskClassifier
from paper_tasks.tagger.text import format_paper, has_words


def model_predictions(name: str, folder: Path, data: EvaluationData, cache: ScoreCache) -> Predictions:
    """The predictions of an exported model, at its own thresholds.

    Raises ModelError for a folder without a model, InputError for a model of other tasks than the papers'.
    """
    classifier = TaskClassifier.load(folder, bulk=True)
    if list(classifier.labels) != data.labels:
        raise InputError(f"{folder} was trained on other tasks than the papers have; prepare or train again.")
    masked = pd.DataFrame({"title": "", "abstract": data.papers["masked"]})

    def compute() -> Arrays:
        published = _probabilities(classifier, data.papers, f"{name}, as published")
        masked_texts = _probabilities(classifier, masked, f"{name}, masked")
        return {"published": published[0], "masked": masked_texts[0]} | (
            {"fits": published[1]} if len(published) > 1 else {}
        )

    # config.json has the checksums of all files in the folder.
    arrays = cache.arrays("model", (folder / "config.json").read_text(encoding="utf-8"), compute)
    is_known = classifier.config.training.held_out in (None, data.held_out_checksum)
    note = "" if is_known else "trained with other papers held out, it may have seen these"
    predictions = Predictions.at(classifier.thresholds, arrays, are_probabilities=True, note=note)
    if classifier.fits_threshold is None:
        return predictions
    return predictions._replace(also=(arrays["fits"] >= classifier.fits_threshold).astype(np.int64))


def _probabilities(classifier: TaskClassifier, papers: pd.DataFrame, description: str) -> np.ndarray:
    """float32 (levels, papers, labels), one level or two; 0 for a paper without a word, which masking may leave."""
    rows = zip(papers["title"], papers["abstract"], strict=True)
    with_words = np.array([has_words(format_paper(*paper)) for paper in rows], dtype=bool)
    levels = [level for level in classifier.both_levels(pairs(papers[with_words], description)) if level is not None]
    probabilities = np.zeros((len(levels), len(papers), len(classifier.labels)), dtype=np.float32)
    probabilities[:, with_words] = levels
    return probabilities
