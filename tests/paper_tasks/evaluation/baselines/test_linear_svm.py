import numpy as np

from paper_tasks.data.prepared_folder import multi_hot
from paper_tasks.evaluation.baselines import linear_svm
from paper_tasks.evaluation.baselines.linear_svm import LinearSvm


def test_the_svm_learns(data):
    scores = LinearSvm().fit(list(data.train["abstract"]), data.train_truth).scores(list(data.papers["abstract"]))
    assert scores.shape == (len(data.papers), len(data.labels))
    assert ((scores > 0) == multi_hot(data.papers["tasks"], data.labels)).mean() > 0.95


def test_a_label_that_no_paper_has_is_not_ranked(data):
    truth = data.train_truth.copy()
    truth[:, 1] = 0
    texts = list(data.train["abstract"])
    scores = LinearSvm().fit(texts, truth).scores(texts[:5])
    assert np.isneginf(scores[:, 1]).all() and np.isfinite(np.delete(scores, 1, axis=1)).all()


def test_both_thresholds_are_of_one_svm(data, cache, measure, monkeypatch):
    one = linear_svm.predict_one_threshold(data, cache)
    monkeypatch.setattr(LinearSvm, "fit", None)  # the second must not fit again
    apart = linear_svm.predict_per_task_thresholds(data, cache)
    assert np.array_equal(one.scores, apart.scores) and not one.are_probabilities
    assert measure(one)["micro_f1"] > 0.9 and measure(apart)["micro_f1"] > 0.9


def test_an_svm_that_saw_no_names_is_better_without_them(data, cache, measure):
    whole, cut = linear_svm.predict_one_threshold(data, cache), linear_svm.predict_names_cut(data, cache)
    assert not np.array_equal(whole.masked, cut.masked)
    assert measure(cut)["masked_recall_at_5"] >= measure(whole)["masked_recall_at_5"]
