import numpy as np
import pandas as pd
import pytest

from paper_tasks.data.targets import FITS
from paper_tasks.export.read_calibration import best_thresholds, merged_targets, platt
from paper_tasks.tagger.classifier import Probabilities

LABELS = ["Object Detection", "object-detection", "Benchmarking", "SSIM"]


def test_probabilities_are_fitted_to_the_likeliest_tasks():
    rng = np.random.default_rng(1)
    logits = np.sort(rng.normal(0, 2, (3000, 40)).astype(np.float32))
    truth = rng.random(logits.shape) < 1 / (1 + np.exp(-(0.6 * logits - 1.5)))
    # What is never shown must not decide.
    truth[:, :30] = False
    assert platt(logits, truth) == (pytest.approx(0.6, abs=0.05), pytest.approx(-1.5, abs=0.15))


def test_pairs_that_do_not_count_change_nothing():
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, (500, 6)).astype(np.float32)
    truth = rng.random(logits.shape) < 1 / (1 + np.exp(-logits))
    counted = rng.random(logits.shape) < 0.8
    assert platt(logits, truth, counted) == platt(logits, np.where(counted, truth, ~truth), counted)


def test_all_spellings_are_one_task_and_artefacts_are_none():
    papers = pd.DataFrame(
        {"tasks": [["Object Detection"], []], "ok": [[], ["Object Detection", "Benchmarking"]], "labels": "read"}
    )
    assert merged_targets(papers, LABELS).tolist() == [[1, 0], [FITS, FITS]]


def test_a_task_that_fits_does_not_move_the_first_threshold():
    targets = np.array([[1, 0], [0, FITS], [1, 0]])
    main = np.array([[0.8, 0.8, 0.1, 0], [0.3, 0.3, 0.7, 0], [0.6, 0.6, 0.2, 0]])
    fits = np.array([[0.9, 0.9, 0.2, 0], [0.4, 0.4, 0.8, 0], [0.7, 0.7, 0.3, 0]])
    found = best_thresholds(Probabilities(main, fits), targets, LABELS)
    assert found.main == pytest.approx(0.45) and found.fits == pytest.approx(0.55)
    # A model of one level has one score for both.
    assert best_thresholds(Probabilities(main), targets, LABELS).fits == pytest.approx(0.45)
