import numpy as np
import pandas as pd

from paper_tasks.evaluation.baselines import string_matching


def test_matching_finds_only_mentioned_tasks():
    papers = pd.DataFrame({"title": ["Describing photographs", "Image captioning"], "abstract": ["In words.", "Yes."]})
    scores = string_matching.matching_scores(papers, ["Image Captioning", "Atari Games"])
    assert scores.tolist() == [[-np.inf, -np.inf], [5, -np.inf]]


def test_matching_has_the_distant_labels_by_definition(data, cache, measure):
    assert measure(string_matching.predict(data, cache))["micro_f1"] > 0.99
