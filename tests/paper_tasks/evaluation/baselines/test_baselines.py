import numpy as np
import pandas as pd
import pytest

from paper_tasks.data.prepare import multi_hot, read_labels, read_split
from paper_tasks.evaluation.baselines import annif, baselines
from paper_tasks.evaluation.baselines.baselines import BASELINES, LinearSvm, Splits, matching_scores
from paper_tasks.evaluation.evaluation_set import EvaluationSet
from paper_tasks.evaluation.score_cache import ScoreCache


@pytest.fixture(scope="module")
def splits(prepared):
    return Splits(*(read_split(prepared, name) for name in ("train", "dev", "test")), read_labels(prepared), "", 0)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return ScoreCache(tmp_path_factory.mktemp("scores"), "tiny")


def measure(splits, answers):
    return EvaluationSet(splits.papers, splits.labels).measure(answers)


def test_matching_finds_what_is_mentioned_and_nothing_else():
    papers = pd.DataFrame({"title": ["Describing photographs", "Image captioning"], "abstract": ["In words.", "Yes."]})
    scores = matching_scores(papers, ["Image Captioning", "Atari Games"])
    assert scores.tolist() == [[-np.inf, -np.inf], [5, -np.inf]]


def test_matching_has_the_distant_labels_by_definition(splits, cache):
    assert measure(splits, baselines.string_matching(splits, cache))["micro_f1"] > 0.99


def test_the_svm_learns(splits):
    scores = LinearSvm().fit(list(splits.train["abstract"]), splits.train_truth).scores(list(splits.papers["abstract"]))
    assert scores.shape == (len(splits.papers), len(splits.labels))
    assert ((scores > 0) == multi_hot(splits.papers["tasks"], splits.labels)).mean() > 0.95


def test_both_thresholds_are_of_one_svm(splits, cache, monkeypatch):
    one = baselines.svm_one_threshold(splits, cache)
    monkeypatch.setattr(LinearSvm, "fit", None)  # not again
    apart = baselines.svm_per_task(splits, cache)
    assert np.array_equal(one.scores, apart.scores) and not one.are_probabilities
    assert measure(splits, one)["micro_f1"] > 0.9 and measure(splits, apart)["micro_f1"] > 0.9


def test_an_svm_that_saw_no_names_does_without_them_better(splits, cache):
    whole, cut = baselines.svm_one_threshold(splits, cache), baselines.svm_names_cut(splits, cache)
    assert not np.array_equal(whole.masked, cut.masked)
    recalls = [measure(splits, answers)["masked_recall_at_5"] for answers in (whole, cut)]
    assert recalls[1] >= recalls[0]


def test_zero_shot_needs_no_training(splits, cache):
    answers = baselines.zero_shot(splits, cache)
    assert answers.scores.shape == answers.masked.shape == (len(splits.papers), len(splits.labels))
    assert np.abs(answers.scores).max() <= 1.0001 and not answers.are_probabilities
    measured = measure(splits, answers)
    assert measured["precision_at_1"] > 0.9 and measured["micro_f1"] > 0.7


def test_without_annif_its_row_is_left_out_with_a_word(splits, cache, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(annif, "PROGRAM", tmp_path / "annif")
    assert BASELINES["Annif (Omikuji)"](splits, cache) is None
    assert "make annif" in capsys.readouterr().err
