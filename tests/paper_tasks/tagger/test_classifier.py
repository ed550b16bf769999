import numpy as np
import pytest

from paper_tasks.errors import EmptyPaper
from paper_tasks.tagger.classifier import Tag, TaskClassifier
from paper_tasks.tagger.text import clean_text, format_paper

PAPERS = [
    ("Counting cars from drones", "We detect small vehicles in aerial pictures."),
    ("Who said what", "Speaker diarization of long meetings, online."),
    ("Under the hood", "Translating German to English with fewer parameters. " * 20),
]


def test_probabilities_are_in_the_order_given(classifier):
    together = classifier.probabilities(PAPERS)
    assert together.shape == (3, len(classifier.labels)) and together.dtype == np.float32
    assert ((together > 0) & (together < 1)).all()
    backwards = classifier.probabilities(PAPERS[::-1])[::-1]
    np.testing.assert_allclose(together, backwards, atol=0.01)


def test_papers_may_be_a_generator_or_none_at_all(classifier):
    np.testing.assert_array_equal(classifier.probabilities(paper for paper in PAPERS), classifier.probabilities(PAPERS))
    assert classifier.probabilities([]).shape == (0, len(classifier.labels))
    assert classifier.predict([]) == []


def test_predict_ranks_from_the_likeliest(classifier):
    for tags in classifier.predict(PAPERS, threshold=0.01):
        probabilities = [tag.probability for tag in tags]
        assert probabilities == sorted(probabilities, reverse=True) and min(probabilities) >= 0.01
    assert [len(tags) for tags in classifier.predict(PAPERS, threshold=0, top_k=4)] == [4, 4, 4]
    assert classifier.predict(PAPERS, threshold=1) == [[], [], []]


def test_the_models_own_thresholds_are_the_default(classifier):
    scores = classifier.probabilities(PAPERS)
    names = [tag.task for tag in classifier.rank(scores, merge_duplicates=False, hide_artefacts=False)[1]]
    assert set(names) == {classifier.labels[index] for index in np.flatnonzero(scores[1] >= classifier.thresholds)}


def test_spellings_of_a_task_become_one_tag(classifier):
    scores = np.zeros(len(classifier.labels), dtype=np.float32)
    scores[classifier.labels.index("Object Detection")] = 0.6
    scores[classifier.labels.index("object-detection")] = 0.9
    assert classifier.rank(scores, threshold=0.5) == [[Tag("Object Detection", pytest.approx(0.9))]]
    assert len(classifier.rank(scores, threshold=0.5, merge_duplicates=False)[0]) == 2


def test_artefacts_are_shown_on_demand(classifier):
    scores = np.zeros(len(classifier.labels), dtype=np.float32)
    scores[classifier.labels.index("Navigate")] = 0.9
    assert classifier.rank(scores, threshold=0.5) == [[]]
    assert classifier.rank(scores, threshold=0.5, hide_artefacts=False) == [[Tag("Navigate", pytest.approx(0.9))]]


@pytest.mark.parametrize("options", [{"threshold": 1.5}, {"threshold": float("nan")}, {"top_k": 0}])
def test_options_out_of_range_are_refused(classifier, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        classifier.predict(PAPERS, **options)


@pytest.mark.parametrize("paper", [("", ""), (" \t\n", None), ("\u200b", "\x00"), ("...", "?!")])
def test_a_paper_without_a_word_is_refused_with_its_index(classifier, paper):
    with pytest.raises(EmptyPaper, match="Paper 3") as caught:
        classifier.probabilities([*PAPERS[:2], paper])
    assert caught.value.index == 2


@pytest.mark.parametrize(
    "text",
    [
        "\ud800 lone",
        "<b>bold</b> claims",
        r"$\frac{1}{2}$",
        "\x1b[31mred\x00",
        "物体検出",
        "word " * 200_000,
        "e" + "\u0301" * 100_000,
    ],
    ids=["surrogate", "html", "latex", "control", "japanese", "megabyte", "accents"],
)
def test_odd_texts_get_finite_probabilities(classifier, text):
    assert np.isfinite(classifier.probabilities([(text, text)])).all()


def test_clean_text():
    assert clean_text(" a\u00adb\n\n c\x00\u200bd ") == "ab cd"
    assert clean_text("\ud83d\ude00") == "😀"
    assert clean_text("e\u0301") == "é"
    assert clean_text(None) == ""
    assert clean_text("Code: https://x.org/y?z=1 or \\url{www.x.org}.") == "Code: or \\url{ }."
    assert clean_text("See https://x.org/y. We (www.x.org, say) go on.") == "See . We ( , say) go on."


@pytest.mark.parametrize(
    ("latex", "letters"),
    [
        (r"Poincar\'e and G{\"{o}}del", "Poincaré and Gödel"),
        (r"na{\"\i}ve, na\"ive", "naïve, naïve"),
        (r"Fran\c{c}ois, Erd\H os, Ho\v{r}ej\v{s}\'i", "François, Erdős, Hořejší"),
        (r"$\tilde{x}$ \cite{k} \rho C:\users 50\% end\. A", r"$\tilde{x}$ \cite{k} \rho C:\users 50\% end\. A"),
    ],
)
def test_latex_accents_are_letters(latex, letters):
    assert clean_text(latex) == letters


def test_format_paper_leaves_nothing_dangling():
    assert format_paper("A title.", "Text.") == "A title. Text."
    assert format_paper("", "Text.") == "Text."
    assert format_paper("A title", "") == "A title"
    assert format_paper("{brace}", "{x}") == "{brace}. {x}"


def test_truncation_keeps_the_special_tokens(classifier):
    encoding = classifier._tokenizer.encode("word " * 2000)
    assert len(encoding) == classifier.config.max_length
    assert (encoding.tokens[0], encoding.tokens[-1]) == ("[CLS]", "[SEP]")


def test_papers_side_by_side_score_the_same_and_keep_their_order():
    papers = [(f"Paper {number}", "speech recognition " * (number % 7)) for number in range(20)]
    together = TaskClassifier.load(threads=2).logits(papers)
    np.testing.assert_array_equal(TaskClassifier.load(threads=2, bulk=True).logits(papers), together)
    assert len(np.unique(together, axis=0)) == len(papers)
