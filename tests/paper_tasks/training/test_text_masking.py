import numpy as np

from paper_tasks.training import text_masking
from paper_tasks.training.text_masking import MaskedTexts

LABELS = ["NER", "Named Entity Recognition", "Image Captioning"]
TEXT = "We do named entity recognition, and image captioning is what others do. NER helps."


def texts_of(truth, mask_rate=0.5, seed=1, rows=200):
    return MaskedTexts([TEXT] * rows, np.tile(truth, (rows * 3 // 4, 1)), LABELS, mask_rate, seed)


def read(texts, epoch, rows=range(200)):
    texts.start_epoch(epoch)
    return [texts(row) for row in rows]


def test_masking_depends_on_seed_epoch_and_row_alone():
    texts = texts_of([1, 1, 0])
    first = read(texts, 3)
    assert read(texts, 4) != first == read(texts, 3) != read(texts_of([1, 1, 0], seed=2), 3)
    assert first[150:] == [TEXT] * 50


def test_about_half_of_the_tasks_lose_all_their_mentions_and_no_other_does(monkeypatch):
    monkeypatch.setattr(text_masking, "MOST_DECOYS", 0)
    monkeypatch.setattr(text_masking, "EXCERPT_RATE", 0)
    found = read(texts_of([1, 1, 0]), 0, range(150))
    hidden = "We do , and image captioning is what others do. helps."
    assert set(found) == {TEXT, hidden} and 50 < found.count(hidden) < 100
    assert set(read(texts_of([1, 1, 0], mask_rate=0.0), 0)) == {TEXT}
    both = set(read(texts_of([1, 1, 1]), 0, range(150)))
    assert len(both) == 4 and "We do , and is what others do. helps." in both


def test_decoys_are_runs_of_a_few_words(monkeypatch):
    monkeypatch.setattr(text_masking, "EXCERPT_RATE", 0)
    lengths = {len(TEXT.split()) - len(text.split()) for text in read(texts_of([0, 0, 0]), 0, range(150))}
    assert 0 in lengths and 4 <= max(lengths) <= 12


def test_some_texts_are_a_sentence_or_two(monkeypatch):
    monkeypatch.setattr(text_masking, "MOST_DECOYS", 0)
    found = read(texts_of([0, 0, 0]), 0, range(150))
    first, second = TEXT.split(". ")
    assert set(found) == {TEXT, f"{first}.", second}
    assert 5 < len(found) - found.count(TEXT) < 30
