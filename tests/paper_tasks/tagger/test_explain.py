import copy
from types import SimpleNamespace

import numpy as np
import pytest

from deployment.gradio_app.html import reasons_html
from paper_tasks.errors import EmptyPaper
from paper_tasks.tagger import explain as module
from paper_tasks.tagger.classifier import LEVELS, OK
from paper_tasks.tagger.explain import explain, find_mentions, join_short, split_phrases, split_sentences
from paper_tasks.tagger.text import format_paper

TITLE = "Looking twice"
ABSTRACT = (
    "Budgets are small everywhere, and cities are no exception. Our second glance finds pedestrians who are half "
    "hidden. The code runs on a laptop."
)
TASK = "Pedestrian Detection"


def kinds(found):
    return {span.kind: found.text[span.start : span.end] for span in found.spans}


def test_the_sentence_and_the_word_that_carry_a_task(classifier):
    found = explain(classifier, TITLE, ABSTRACT, TASK)
    strongest = max(found.spans, key=lambda span: span.contribution)
    assert "pedestrians" in found.text[strongest.start : strongest.end]
    assert any(span.kind == "word" and found.text[span.start : span.end] == "pedestrians" for span in found.spans)
    assert any(span.kind == "sentence" and found.text[span.start :].startswith("Our second") for span in found.spans)


def test_its_figures_are_those_of_the_model_without_the_part(classifier):
    found = explain(classifier, TITLE, ABSTRACT, TASK)
    column = classifier.labels.index(TASK)
    assert found.text == format_paper(TITLE, ABSTRACT)
    assert found.probability == pytest.approx(classifier.probabilities([(TITLE, ABSTRACT)])[0, column], abs=1e-6)
    for span in found.spans:
        rest = f"{found.text[: span.start].rstrip()} {found.text[span.end :].lstrip()}".strip()
        assert span.without == pytest.approx(classifier.probabilities([("", rest)])[0, column], abs=1e-5)
        odds = [np.log(p / (1 - p)) for p in (found.probability, span.without)]
        assert span.contribution == pytest.approx(odds[0] - odds[1], abs=1e-3) and span.contribution >= module.LEAST


def test_mentions_are_marked_wherever_they_stand_and_left_out_together(classifier):
    found = explain(classifier, "Faster Pedestrian Detection", "We revisit pedestrian detection at night.", TASK)
    mentions = [span for span in found.spans if span.kind == "mention"]
    assert [found.text[span.start : span.end] for span in mentions] == ["Pedestrian Detection", "pedestrian detection"]
    assert len({span.without for span in mentions}) == 1 and mentions[0].without < found.probability / 2


def test_mentions_are_whole_words_and_none_overlap(classifier):
    column, text = classifier.labels.index(TASK), "deep CNNs and a CNN"
    deep, cnn, *_ = classifier.encode("deep CNN").ids[1:-1]
    assert len(classifier.encode("CNNs").ids) == 4
    named = copy.copy(classifier)
    named.names = {(cnn,): (column,), (deep, cnn): (column,), (deep,): (column + 1,)}
    found = [text[start:end] for start, end in find_mentions(named, text, [column])]
    assert found == ["deep CNNs", "CNN"]


def test_without_names_nothing_is_a_mention(classifier):
    nameless = copy.copy(classifier)
    nameless.names = {}
    found = explain(nameless, "Faster Pedestrian Detection", "We look twice.", TASK)
    assert found.spans and "mention" not in kinds(found)


def test_all_spellings_of_a_task_are_one(classifier):
    one, other = (explain(classifier, TITLE, ABSTRACT, name) for name in ("Object Detection", "object-detection"))
    assert one.spans == other.spans and one.probability == other.probability


@pytest.mark.parametrize(
    "text", ["pedestrians", "pedestrians. " * 3_000, "a b. " * 8_000, "物体検出。" * 500, "$x$ <b>"]
)
def test_the_budget_holds_for_any_text(classifier, text):
    read = []

    def logits(papers, level):
        read.append(min(classifier.config.encoder_tokens, len(classifier.encode(papers[0][1]))))
        return np.zeros((1, len(classifier.labels)))

    counted = SimpleNamespace(
        config=classifier.config,
        names=classifier.names,
        spellings=classifier.spellings,
        encode=classifier.encode,
        logits=logits,
    )
    explain(counted, text, text, TASK)
    assert sum(size + module.OVERHEAD for size in read[:-1]) <= module.BUDGET


@pytest.mark.parametrize("title", ["", " ", "\u200b"])
def test_a_blank_title_is_none(classifier, title):
    text = "We find pedestrians at night. Thermal cameras help."
    spans = explain(classifier, title, text, "Pedestrian Detection").spans
    assert "We find pedestrians at night." in [text[span.start : span.end] for span in spans]


@pytest.mark.parametrize(
    "title, task, kind", [("Image captioning", "Image Captioning", "mention"), ("Pedestrians", TASK, "word")]
)
def test_a_text_that_is_one_name_or_word_is_carried_by_it(classifier, title, task, kind):
    found = explain(classifier, title, "", task)
    assert kinds(found) == {kind: title} and found.spans[0].is_all
    (span,) = found.as_dict()["spans"]
    assert (span["contribution"], span["without"], span["text"]) == (None, 0.0, title)
    html = reasons_html(found)
    assert f"<mark class='{kind}' title='no word is left without it'>{title}</mark>" in html
    name = "its name" if kind == "mention" else f"“{title}”"
    assert f"<li>without {name}: no word is left</li>" in html and "carries it alone" not in html


@pytest.mark.parametrize("level", LEVELS)
def test_a_task_is_explained_at_its_level(classifier, monkeypatch, level):
    asked, logits = set(), classifier.logits
    monkeypatch.setattr(classifier, "logits", lambda papers, level: asked.add(level) or logits(papers))
    assert explain(classifier, TITLE, ABSTRACT, TASK, level).spans and asked == {level}


def test_a_level_that_the_model_does_not_know_is_refused(classifier):
    one_level = copy.copy(classifier)
    one_level.levels = LEVELS[:1]
    with pytest.raises(ValueError, match="level is 'ok'; this model knows main"):
        explain(one_level, TITLE, ABSTRACT, TASK, OK)


def test_nothing_to_read_and_no_such_task(classifier):
    with pytest.raises(EmptyPaper):
        explain(classifier, " ", "...", TASK)
    with pytest.raises(KeyError):
        explain(classifier, TITLE, ABSTRACT, "Gardening")


@pytest.mark.parametrize(
    "text, sentences",
    [
        ("One. Two.", ["One.", "Two."]),
        ("Up by 6.1 points, e.g. For free (Fig. 2). Yes!", ["Up by 6.1 points, e.g. For free (Fig. 2).", "Yes!"]),
        ("Smith et al. Show it? J. Doe did.", ["Smith et al. Show it?", "J. Doe did."]),
        ("これは文です。次の文。", ["これは文です。", "次の文。"]),
        ("no end", ["no end"]),
        ("... !!", []),
    ],
)
def test_sentences(text, sentences):
    assert [text[start:end] for start, end in split_sentences(text)] == sentences


def test_a_title_is_a_sentence_of_its_own():
    text = format_paper("Which bond breaks first?", "it depends. We ask.")
    assert [text[start:end] for start, end in split_sentences(text, len("Which bond breaks first?") + 1)] == [
        "Which bond breaks first?.",
        "it depends.",
        "We ask.",
    ]


def test_short_neighbors_are_joined():
    assert join_short([(0, 9), (10, 12), (13, 15), (16, 90)], 3) == [(0, 9), (10, 15), (16, 90)]
    assert join_short([(0, 1)], 3) == [(0, 1)]


def test_phrases_are_content_words_within_punctuation():
    assert split_phrases("of 8,000 words, too", 0, 19, []) == [(3, 14)]
    text = "We train a small language model, noisy labels, and pre-trained encoders of big size."
    phrases = [text[start:end] for start, end in split_phrases(text, 0, len(text), [(text.index("noisy"), 38)])]
    assert phrases == ["train", "small language model", "labels", "pre-trained encoders", "big size"]
