import shutil

import numpy as np
import pandas as pd
import pytest

from paper_tasks.data import vocabulary
from paper_tasks.errors import InputError
from paper_tasks.evaluation.evaluation_set import Predictions
from paper_tasks.evaluation.read_labels.papers import load_paper_sets
from paper_tasks.modeling import metrics
from paper_tasks.paths import MODEL_DIR
from paper_tasks.tagger.classifier import Probabilities, TaskClassifier
from tests.paper_tasks.evaluation.read_labels.conftest import POSITIVES, READ

NER = "Named Entity Recognition (NER)"


def test_the_sets_of_a_split_are_measured_together(prepared_read):
    data, sets, _ = load_paper_sets(prepared_read, "test")
    assert [each.name for each in sets] == ["read", "modern", "positives"]
    # Positives of curated lists are left out.
    assert [each.size().papers for each in sets] == [READ["test"], READ["modern_test"], POSITIVES["test"]]
    assert sum(each.rows for each in sets).tolist() == [1] * len(data.papers)
    for each in sets:
        assert each.main.shape == each.ok.shape == (each.size().papers, len(each.tasks))
    read, _, positives = (each.size() for each in sets)
    assert read.without_task < READ["test"] / 6 + 1 and read.tasks == READ["test"] - 5
    assert positives.complete == 4 and positives.unmentioned == POSITIVES["test"] / 2 == positives.tasks / 2


def test_dev_has_sets_too_and_train_is_refused(prepared_read):
    data, sets, cache = load_paper_sets(prepared_read, "dev", rows=3)
    assert [each.size().papers for each in sets] == [3, 3, 3] and len(data.papers) == 9
    assert cache.inputs != load_paper_sets(prepared_read, "dev")[2].inputs
    with pytest.raises(InputError, match="--split dev or test"):
        load_paper_sets(prepared_read, "train")


def test_other_sources_count_where_no_label_is_papers_with_codes(prepared_read, tmp_path):
    folder = shutil.copytree(prepared_read, tmp_path / "prepared")
    papers = pd.read_csv(folder / "positives_test.csv", keep_default_na=False)
    papers.assign(source="mine").to_csv(folder / "positives_test.csv", index=False)
    assert load_paper_sets(folder, "test")[1][2].size().papers == POSITIVES["test"] + 5
    (folder / "positives_test.csv").unlink()
    (folder / "modern_test.csv").unlink()
    assert [each.name for each in load_paper_sets(folder, "test")[1]] == ["read"]


def test_a_task_stands_for_its_spellings_and_a_tag_may_be_neither_right_nor_wrong(prepared_read):
    data, sets, _ = load_paper_sets(prepared_read, "test")
    spellings = [index for index, name in enumerate(data.labels) if vocabulary.task(name).canonical == NER]
    assert len(spellings) == 4 and data.is_read
    assert all((data.train_truth[:, index] == data.train_truth[:, spellings[0]]).all() for index in spellings)
    fits = np.array([bool(ok) for ok in data.dev["ok"]])
    scores = np.zeros(data.dev_truth.shape)
    assert np.isneginf(data.counted(scores)).any(axis=1).tolist() == fits.tolist()
    assert not np.isneginf(data.counted(scores)[data.dev_truth == 1]).any()
    # Every right pair scores 1, every task that fits 2, all others 0: only a threshold that passes both is right.
    scores[data.dev_truth == 1] = 1
    scores[np.isneginf(data.counted(np.zeros(scores.shape)))] = 2
    assert data.best_threshold(scores) == 0.5 == data.best_threshold(scores[:10])
    assert sets[0].main[:, sets[0].tasks.index(NER)].any()


def test_tags_are_those_that_the_classifier_shows(prepared_read):
    """Spellings are merged and artefacts hidden, at both levels."""
    classifier = TaskClassifier.load(MODEL_DIR)
    data, (read, *_), _ = load_paper_sets(prepared_read, "test", rows=20)
    rng = np.random.default_rng(0)
    main = rng.random((len(data.papers), 260), dtype=np.float32) ** 8
    fits = np.maximum(main, rng.random(main.shape, dtype=np.float32) ** 8)
    classifier.fits_threshold = 0.7
    predictions = Predictions.at(classifier.thresholds, {"published": main, "masked": main}, True)
    predictions = predictions._replace(also=(fits >= 0.7).astype(np.int64))
    tags = classifier.rank(Probabilities(main, fits))[:20]
    expected = [{tag.task for tag in paper if tag.level == "main"} for paper in tags]
    assert [{read.tasks[column] for column in row.nonzero()[0]} for row in read.shown(predictions)] == expected
    right = sum(
        tag.task in {*paper["tasks"], *paper["ok"]}
        for found, (_, paper) in zip(tags, data.papers[read.rows].iterrows(), strict=True)
        for tag in found
    )
    scores = read.measure(predictions, metrics.Bootstrap(20))
    assert scores["precision_both"] == pytest.approx(right / sum(map(len, tags)))
    assert {"f1", "calibration_error", "recall_both"} <= scores.values.keys() == scores.intervals.keys()


def test_a_system_with_one_level_and_no_probabilities_has_fewer_scores(prepared_read):
    data, (read, _, positives), _ = load_paper_sets(prepared_read, "test")
    scores = np.random.default_rng(0).random((len(data.papers), 260))
    predictions = Predictions(scores, (scores > 0.9).astype(np.int64))
    assert not {"precision_both", "calibration_error"} & read.statistics(predictions).keys()
    found = positives.measure(predictions, metrics.Bootstrap(POSITIVES["test"]))
    assert [*found.values] == ["recall_at_5", "recall_at_5_unmentioned", "precision_at_1", "f1_complete"]
