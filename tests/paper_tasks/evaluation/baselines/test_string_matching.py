import numpy as np
import pandas as pd

from paper_tasks.evaluation.baselines import string_matching
from paper_tasks.evaluation.evaluation_data import EvaluationData
from paper_tasks.evaluation.score_cache import ScoreCache


def test_matching_finds_only_mentioned_tasks():
    papers = pd.DataFrame({"title": ["Describing photographs", "Image captioning"], "abstract": ["In words.", "Yes."]})
    scores = string_matching.matching_scores(papers, ["Image Captioning", "Atari Games"])
    assert scores.tolist() == [[-np.inf, -np.inf], [5, -np.inf]]


def test_on_read_labels_dev_decides_how_often_a_task_must_be_named():
    dev = pd.DataFrame(
        {
            "title": ["Image captioning", "Photographs"],
            "abstract": ["Sentences.", "Unlike image captioning."],
            "tasks": [["Image Captioning"], []],
            "ok": [[], []],
            "labels": "read",
        }
    )
    data = EvaluationData(dev, dev, dev, ["Image Captioning", "Atari Games"], "", 0)
    found = string_matching.predict(data, ScoreCache(None, ""))
    assert found.scores.tolist() == [[5, -np.inf], [1, -np.inf]] and found.predicted.tolist() == [[1, 0], [0, 0]]


def test_matching_has_the_distant_labels_by_definition(data, cache, measure):
    assert measure(string_matching.predict(data, cache))["micro_f1"] > 0.99
