import numpy as np
import pandas as pd
import pytest

from paper_tasks.export.calibration import intercept, masked_papers, relative_weight, scale_and_shift


def test_calibration_recovers_a_known_scale_and_shift():
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, (5000, 20)).astype(np.float32)
    truth = (rng.random(logits.shape) < 1 / (1 + np.exp(-(0.6 * logits - 1.5)))).astype(np.int64)
    scale, shift = scale_and_shift(logits, truth)
    assert (scale, shift) == (pytest.approx(0.6, abs=0.03), pytest.approx(-1.5, abs=0.05))


def test_intercept_recovers_a_known_shift():
    rng = np.random.default_rng(1)
    logits = rng.normal(-1, 2, (5000, 20)).astype(np.float32)
    truth = (rng.random(logits.shape) < 1 / (1 + np.exp(-(logits + 0.7)))).astype(np.int64)
    assert intercept(logits, truth) == pytest.approx(0.7, abs=0.03)


def test_relative_weight_recovers_a_known_ratio():
    rng = np.random.default_rng(1)
    logits, scores = rng.normal(0, 2, (2, 5000, 20)).astype(np.float32)
    truth = (rng.random(logits.shape) < 1 / (1 + np.exp(-0.5 * (logits + 3 * scores) + 1))).astype(np.int64)
    assert relative_weight(scores, logits, truth) == pytest.approx(3, abs=0.15)
    assert relative_weight(-scores, logits, truth) == 0


def test_papers_of_names_alone_are_not_masked():
    papers = pd.DataFrame({"title": ["a", "b", "c", "d"], "abstract": "x", "masked": ["we see .", " . ", "more", "no"]})
    assert masked_papers(papers)["abstract"].tolist() == ["we see ."]
