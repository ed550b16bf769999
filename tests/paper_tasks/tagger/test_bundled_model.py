"""The model that ships: what is in its folder, what it answers, and that it answers the same in any company."""

import json
import random

import numpy as np
import pytest

from paper_tasks.paths import MODEL_DIR
from paper_tasks.tagger.classifier import FAST, TaskClassifier
from tests import ROOT
from tests.paper_tasks.tagger import golden

# Dynamic int8 has one scale for a whole batch, so the logits of a text depend a little on the other texts. The integer
# kernels of another CPU round otherwise.
LOGIT_TOLERANCE = 0.5
PROBABILITY_TOLERANCE = 0.05


def test_the_folder_is_small_and_holds_no_code(classifier):
    for folder, model, most in (
        (MODEL_DIR, "paper_task_classifier_quantized.onnx", 30_000_000),
        (MODEL_DIR / FAST, "paper_task_classifier_fast_quantized.onnx", 8_000_000),
    ):
        files = {path.name: path.stat().st_size for path in folder.iterdir() if path.is_file()}
        assert {model, "tokenizer.json", "config.json"} <= files.keys()
        assert sum(files.values()) < most
        assert not [name for name in files if name.endswith((".pkl", ".pt", ".bin", ".pth"))]


def test_labels_are_the_vocabulary(classifier):
    vocabulary = json.loads((ROOT / "json_files" / "task_types_encoded.json").read_text(encoding="utf-8"))
    assert list(classifier.labels) == sorted(vocabulary, key=vocabulary.get)


def test_the_config_says_how_it_was_made(classifier):
    training, scores = classifier.config.training, classifier.config.scores.tiers
    assert "distant" in classifier.config.data.labels and classifier.config.data.papers_train > 30_000
    assert training.papers_seen > 0 and all("seed" in run.options for run in training.averaged or [training])
    for kind in ("fp32", "int8", "fast"):
        assert 0.5 < scores[kind]["micro_f1"] <= 1
    assert abs(scores["fp32"]["micro_f1"] - scores["int8"]["micro_f1"]) < 0.02


def test_golden_logits(classifier):
    expected = json.loads(golden.PATH.read_text(encoding="utf-8"))
    logits = classifier.logits(golden.PAPERS)
    for row, known in zip(logits, expected, strict=True):
        found = [row[classifier.labels.index(label)] for label in known]
        np.testing.assert_allclose(found, list(known.values()), atol=LOGIT_TOLERANCE)


def test_the_fast_tier_finds_what_is_named_and_some_of_what_is_not():
    fast = TaskClassifier.load(tier=FAST)
    (named,), (unnamed,) = (
        fast.predict([(title, abstract)], top_k=1, threshold=0)
        for title, abstract in (
            ("Faster at night", "We speed up pedestrian detection for thermal cameras."),
            ("Fewer words", "Long news articles and reports are condensed into three sentences, judged by ROUGE."),
        )
    )
    assert named[0].task == "Pedestrian Detection" and named[0].probability > fast.default_threshold
    assert "Summarization" in unnamed[0].task


def test_alone_or_in_a_batch_the_answer_is_the_same(classifier):
    rng = random.Random(0)
    words = " ".join(abstract for _, abstract in golden.PAPERS).split()
    others = [
        (" ".join(rng.choices(words, k=8)), " ".join(rng.choices(words, k=rng.randrange(5, 300)))) for _ in range(40)
    ]
    papers = [paper for pair in zip(golden.PAPERS * 7, others, strict=False) for paper in pair]
    together = classifier.probabilities(papers)
    alone = np.concatenate([classifier.probabilities([paper]) for paper in papers])
    assert np.abs(together - alone).max() < PROBABILITY_TOLERANCE


@pytest.mark.parametrize(
    "title, abstract, task",
    [
        ("Faster pedestrian detection at night", "A detector for thermal cameras.", "Pedestrian Detection"),
        (
            "Translating low-resource languages",
            "Neural machine translation with little parallel text.",
            "Machine Translation",
        ),
        ("Question answering over tables", "We answer questions about tables.", "Question Answering"),
        ("Who is speaking?", "We verify speakers from short utterances.", "Speaker Verification"),
        ("Denoising photographs", "A network for image denoising without clean targets.", "Image Denoising"),
        ("Forecasting demand", "A transformer for time series forecasting.", "Time Series Forecasting"),
        ("Predicting missing facts", "Embeddings for knowledge graph completion.", "Link Prediction"),
        ("Learning to play", "Deep reinforcement learning for Atari games.", "Atari Games"),
    ],
)
def test_plain_cases_are_in_the_top_three(classifier, title, abstract, task):
    (tags,) = classifier.predict([(title, abstract)], threshold=0.0, top_k=3)
    assert task in [tag.task for tag in tags]
