from dataclasses import replace

import numpy as np

from paper_tasks.evaluation.baselines import annif
from paper_tasks.evaluation.baselines.annif import keep_best
from paper_tasks.evaluation.score_cache import ScoreCache


def test_limit_and_threshold_decide_the_tags():
    scores = np.array([[0.9, 0.8, 0.7, -np.inf], [0.2, -np.inf, -np.inf, 0.5]])
    assert keep_best(scores, 2, 0.3).tolist() == [[1, 1, 0, 0], [0, 0, 0, 1]]
    assert keep_best(scores, 4, 0.0).sum() == 5, "what was not suggested is no tag"


class StandIn:
    """Has the methods of Annif's client; suggests the first label for every text."""

    def __init__(self, labels):
        self.labels = labels

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def train(self, texts, truth):
        assert len(texts) == len(truth)

    def optimize(self, texts, truth):
        return 1, 0.4

    def scores(self, texts):
        return np.tile(np.array([0.9] + [-np.inf] * (len(self.labels) - 1), dtype=np.float32), (len(texts), 1))


def test_annif_tags_at_the_limit_and_threshold_that_it_found(data, monkeypatch, tmp_path):
    program = tmp_path / "annif"
    program.touch()
    monkeypatch.setattr(annif, "PROGRAM", program)
    monkeypatch.setattr(annif, "Annif", StandIn)
    predictions = annif.predict(data, ScoreCache(None, "papers"))
    assert predictions.predicted[:, 0].all() and not predictions.predicted[:, 1:].any()
    assert predictions.masked.shape == (len(data.papers), len(data.labels))


def test_on_read_labels_it_tags_at_the_threshold_that_is_best_on_dev(data, monkeypatch, tmp_path):
    program = tmp_path / "annif"
    program.touch()
    monkeypatch.setattr(annif, "PROGRAM", program)
    monkeypatch.setattr(annif, "Annif", StandIn)
    monkeypatch.setattr(StandIn, "optimize", None)
    train, dev = (table.assign(labels="read", ok=[[] for _ in table["tasks"]]) for table in (data.train, data.dev))
    predictions = annif.predict(replace(data, train=train, dev=dev), ScoreCache(None, "papers"))
    assert predictions.predicted[:, 0].all() and not predictions.predicted[:, 1:].any()


def test_without_annif_its_row_is_left_out_with_a_message(data, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(annif, "PROGRAM", tmp_path / "annif")
    assert annif.predict(data, ScoreCache(None, "papers")) is None
    assert "make annif" in capsys.readouterr().err
