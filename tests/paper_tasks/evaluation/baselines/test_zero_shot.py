import numpy as np

from paper_tasks.evaluation.baselines import zero_shot
from paper_tasks.evaluation.baselines.zero_shot import ZeroShot


def test_a_text_is_most_like_the_name_it_repeats(backbone):
    labels = ["Image Captioning", "Speech Recognition", "Machine Translation"]
    texts = ["Machine Translation", "Image Captioning", "Speech Recognition"]
    scores = ZeroShot(str(backbone), labels).scores(texts)
    assert scores.argmax(axis=1).tolist() == [2, 0, 1]
    np.testing.assert_allclose(scores.max(axis=1), 1, atol=1e-4)


def test_long_and_short_texts_score_as_they_do_alone(backbone):
    encoder = ZeroShot(str(backbone), ["Image Captioning", "Atari Games"], max_length=64)
    texts = ["grainy pictures " * 40, "consoles", "photographs described in sentences", "x"]
    together = encoder.scores(texts)
    alone = np.concatenate([encoder.scores([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_zero_shot_needs_no_training(data, cache, measure):
    predictions = zero_shot.predict(data, cache)
    assert predictions.scores.shape == predictions.masked.shape == (len(data.papers), len(data.labels))
    assert np.abs(predictions.scores).max() <= 1.0001 and not predictions.are_probabilities
    measured = measure(predictions)
    assert measured["precision_at_1"] > 0.9 and measured["micro_f1"] > 0.7
