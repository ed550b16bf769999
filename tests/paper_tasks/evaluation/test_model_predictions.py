import numpy as np
import pandas as pd
import pytest

from paper_tasks.errors import InputError
from paper_tasks.evaluation import model_predictions as module
from paper_tasks.evaluation.evaluation_data import EvaluationData
from paper_tasks.evaluation.model_predictions import model_predictions
from paper_tasks.evaluation.score_cache import ScoreCache
from paper_tasks.paths import MODEL_DIR
from paper_tasks.tagger.classifier import Probabilities
from tests.stub import LABELS, StubClassifier

PAPERS = pd.DataFrame({"title": ["A", "B"], "abstract": ["x y", "z"], "masked": ["A. x", "…"]})


class TwoLevels(StubClassifier):
    """A stub whose tasks fit more often than they are what a paper works on."""

    def __init__(self):
        super().__init__()
        self.fits_threshold = 0.4

    def both_levels(self, papers):
        (main, _) = super().both_levels(papers)
        return Probabilities(main, np.sqrt(main))


@pytest.mark.parametrize("kind", [StubClassifier, TwoLevels])
def test_a_model_gives_as_many_levels_as_it_knows(kind, monkeypatch):
    classifier = kind()
    monkeypatch.setattr(module.TaskClassifier, "load", lambda folder, bulk: classifier)
    data = EvaluationData(PAPERS, PAPERS, PAPERS, list(LABELS), "", 0)
    found = model_predictions("stub", MODEL_DIR, data, ScoreCache(None, ""))
    assert found.are_probabilities and found.scores.shape == (2, 3)
    assert (found.masked[0] > 0).all() and not found.masked[1].any(), "a paper without a word has no task"
    np.testing.assert_array_equal(found.predicted, found.scores >= 0.5)
    if kind is StubClassifier:
        assert found.also is None
    else:
        np.testing.assert_array_equal(found.also, np.sqrt(found.scores) >= 0.4)


def test_a_model_of_other_tasks_is_refused():
    data = EvaluationData(PAPERS, PAPERS, PAPERS, ["A"], "", 0)
    with pytest.raises(InputError, match="other tasks"):
        model_predictions("bundled", MODEL_DIR, data, ScoreCache(None, ""))
