import numpy as np
import pytest

from paper_tasks.evaluation.leads import leads
from paper_tasks.evaluation.report import SystemScores
from paper_tasks.modeling import metrics

SYSTEMS = {
    "one": SystemScores({"f1": 0.5, "recall": 0.9}, {}),
    "two": SystemScores({"f1": 0.6}, {}),
    "ours": SystemScores({"f1": 0.8, "recall": 0.7, "precision": 0.4}, {}),
}
RIGHT = {"one": [1, 1, 0, 0], "two": [1, 1, 1, 0], "ours": [1, 1, 1, 1]}


def statistics(name):
    """All scores are the share of right papers; the predictions of `one` are gone."""
    share = metrics.share(np.array(RIGHT[name]))
    return None if name == "one" else dict.fromkeys(("f1", "recall", "precision"), share)


def test_the_best_other_may_differ_from_score_to_score():
    found = leads("ours", ["one", "two"], SYSTEMS, ["f1", "recall", "precision"], statistics, metrics.Bootstrap(4))
    assert [(score, lead.best_other) for score, lead in found.items()] == [("f1", "two"), ("recall", "one")]
    assert found["f1"].difference == pytest.approx(0.2) and found["recall"].difference == pytest.approx(-0.2)
    low, high = found["f1"].interval
    assert 0 <= low < high <= 1
    assert found["recall"].interval is None
