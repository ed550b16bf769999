import numpy as np
import pytest

from paper_tasks.errors import InputError
from paper_tasks.training import phrases as module
from paper_tasks.training.phrases import Phrases

TEXTS = [
    "Optical flow from events. Event cameras see motion, and optical flow needs motion.",
    "Optical flow in water. We estimate optical flow, as others do.",
    "Event cameras at night. An event camera is fast, and event cameras are cheap.",
    "Nothing of that kind is here.",
]
KEYWORDS = [["event-based vision"], [], ["optical flow", "Computer Vision: Low-level Vision"], []]


@pytest.fixture(autouse=True)
def few_papers(monkeypatch):
    monkeypatch.setattr(module, "LEAST_PAPERS", 2)
    monkeypatch.setattr(module, "MOST_SHARE", 0.6)


def found(phrases):
    return {text.lower() for text in phrases.texts}


def test_phrases_recur_in_several_papers_and_within_them():
    phrases = Phrases(TEXTS, [[]] * 4)
    assert {"optical flow", "optical", "flow"} <= found(phrases)
    # Singular and plural are one phrase; a word that each paper has once is none.
    assert {"event cameras", "event camera"} & found(phrases)
    assert "motion" not in found(phrases) and "kind" not in found(phrases)


def test_a_phrase_crosses_no_comma_and_no_stop_and_has_no_stop_word_at_an_end():
    for text in found(Phrases([text * 2 for text in TEXTS], [[]] * 4)):
        assert not set(",.") & set(text)
        assert not {"from", "and", "in", "we"} & {text.split()[0], text.split()[-1]}


def test_keywords_are_phrases_unless_they_are_subjects(monkeypatch):
    monkeypatch.setattr(module, "KEYWORD_WEIGHT", 1e9)
    phrases = Phrases(TEXTS, KEYWORDS)
    assert "event-based vision" in found(phrases) and "low-level vision" not in found(phrases)
    cut = phrases.cut(0, 1, np.random.default_rng(4))
    # The keyword was not in the text, so the text is whole.
    assert [phrases.texts[number] for number in cut.lost] == ["event-based vision"] and cut.text == TEXTS[0]


def test_every_occurrence_is_cut_and_what_a_text_had_is_known():
    phrases = Phrases(TEXTS, [[]] * 4)
    cut = phrases.cut(1, 99, np.random.default_rng(0))
    assert "flow" not in cut.text.lower() and cut.text.startswith("in water.")
    assert set(cut.lost) == set(cut.had)
    one = phrases.cut(0, 1, np.random.default_rng(0))
    assert len(one.lost) == 1 and set(one.lost) < set(one.had)
    assert phrases.texts[one.lost[0]].lower() not in one.text.lower()


def test_the_same_numbers_cut_the_same():
    phrases = Phrases(TEXTS, KEYWORDS)
    first, again = (phrases.cut(2, 2, np.random.default_rng(7)) for _ in range(2))
    assert first.text == again.text and first.lost.tolist() == again.lost.tolist()


def test_papers_that_do_not_count_have_phrases_but_determine_none():
    papers = [
        *TEXTS,
        "Rolling shutter: a rolling shutter.",
        "The rolling shutter rolls; rolling shutter. Optical flow.",
    ]
    phrases = Phrases(papers, [*KEYWORDS, ["shutter"], []], counted=4)
    assert not {"rolling shutter", "shutter"} & found(phrases)
    assert phrases.different.tolist()[3:5] == [0, 0] and phrases.different[5] > 0
    assert phrases.lengths.tolist() == [len(text) for text in papers]


def test_too_few_papers_get_one_sentence(monkeypatch):
    monkeypatch.setattr(module, "LEAST_PAPERS", 3)
    with pytest.raises(InputError, match="4 papers are too few: no phrase is in 3 of them"):
        Phrases(TEXTS, [[]] * 4)
