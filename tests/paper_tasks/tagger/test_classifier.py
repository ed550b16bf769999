import numpy as np
import pytest

from paper_tasks.errors import EmptyPaper
from paper_tasks.tagger.classifier import MAIN, OK, Probabilities, Tag, TaskClassifier, by_level
from tests.model_config import model_config

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


@pytest.fixture
def two_levels():
    """A classifier of both levels, without a model: names of two tasks, the second in two spellings."""
    labels = ["Image Captioning", "Object Detection", "object-detection"]
    info = {label: {"area": "vision", "canonical": label, "is_task": True} for label in labels}
    info["object-detection"]["canonical"] = "Object Detection"
    config = model_config(labels, task_info=info, fits_threshold=0.4)
    return TaskClassifier(None, None, config, names={})


def test_what_fits_a_paper_comes_after_what_it_works_on(two_levels):
    both = Probabilities(np.array([[0.6, 0.1, 0.2], [0.1, 0.1, 0.1]]), np.array([[0.7, 0.5, 0.9], [0.3, 0.3, 0.3]]))
    tags = [Tag("Image Captioning", pytest.approx(0.6), MAIN), Tag("Object Detection", pytest.approx(0.9), OK)]
    assert two_levels.rank(both) == [tags, []]
    assert two_levels.rank(both, top_k=1) == [tags[:1], []]
    assert [tag["level"] for tag in two_levels.as_json(two_levels.rank(both)[0])] == [MAIN, OK]


def test_a_task_has_one_level(two_levels):
    (tags,) = two_levels.rank(Probabilities(np.array([[0.6, 0.9, 0.1]]), np.array([[0.9, 0.9, 0.9]])))
    assert [(tag.task, tag.level) for tag in tags] == [("Object Detection", MAIN), ("Image Captioning", MAIN)]


def test_a_threshold_holds_for_both_levels(two_levels):
    both = Probabilities(np.array([[0.6, 0.1, 0.1]]), np.array([[0.7, 0.65, 0.5]]))
    assert [tag.level for tag in two_levels.rank(both, threshold=0.62)[0]] == [OK, OK]
    assert two_levels.rank(both, threshold=0.8) == [[]]


def test_one_level_alone_can_be_ranked(two_levels):
    assert two_levels.rank(np.array([0.6, 0.1, 0.1])) == [[Tag("Image Captioning", pytest.approx(0.6))]]
    with pytest.raises(ValueError, match="shape"):
        two_levels.rank(Probabilities(np.array([[0.6, 0.1, 0.1]]), np.array([[0.6, 0.1]])))


def test_both_levels_agree_with_probabilities(classifier):
    both = classifier.both_levels(PAPERS)
    np.testing.assert_array_equal(both.main, classifier.probabilities(PAPERS))
    assert (both.fits is None) == (classifier.fits_threshold is None)


def test_names_that_are_no_tasks_are_topics(classifier):
    abstract = "We measure the SSIM of reconstructions, and the SSIM again. Object detection is future work."
    assert classifier.topics("Sharper pictures", abstract) == ["SSIM"]
    assert classifier.topics("Sharper pictures", "We measure nothing.") == []


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


def test_tags_by_level():
    tags = [Tag("A", 0.5), Tag("B", 0.9, OK), Tag("C", 0.4), Tag("D", 0.3, OK)]
    assert by_level(tags) == ([tags[0], tags[2]], [tags[1], tags[3]]) and by_level([]) == ([], [])


def test_truncation_keeps_the_special_tokens(classifier):
    encoding = classifier._tokenizer.encode("word " * 2000)
    assert len(encoding) == classifier.config.max_length
    assert (encoding.tokens[0], encoding.tokens[-1]) == ("[CLS]", "[SEP]")


def test_papers_side_by_side_score_the_same_and_keep_their_order():
    papers = [(f"Paper {number}", "speech recognition " * (number % 7)) for number in range(20)]
    together = TaskClassifier.load(threads=2).logits(papers)
    np.testing.assert_array_equal(TaskClassifier.load(threads=2, bulk=True).logits(papers), together)
    assert len(np.unique(together, axis=0)) == len(papers)
