"""How the model that ships behaves (after CheckList; Ribeiro et al., 2020): what must not matter to it, what must, and
what it must at least know. The papers are in behaviour.toml."""

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

PAPERS = tomllib.loads(Path(__file__).with_name("behaviour.toml").read_text(encoding="utf-8"))["paper"]
# A change that does not matter to a reader may move the probability of a paper's first three tags by so much.
TOLERANCE = 0.2
AMERICAN = {
    "behaviour": "behavior",
    "centre": "center",
    "colour": "color",
    "defence": "defense",
    "factorise": "factorize",
    "favour": "favor",
    "generalise": "generalize",
    "grey": "gray",
    "initialise": "initialize",
    "labelled": "labeled",
    "neighbour": "neighbor",
    "normalising": "normalizing",
    "optimise": "optimize",
    "organisation": "organization",
    "penalise": "penalize",
    "practise": "practice",
    "recognise": "recognize",
    "summarise": "summarize",
}
ACCENTS = ("As a naïve baseline we fit a Poincaré map.", r"As a na\"ive baseline we fit a Poincar\'e map.")


@pytest.fixture(scope="module")
def originals():
    return [(paper["title"], " ".join(paper["abstract"].split())) for paper in PAPERS]


def ranked(classifier, papers):
    """Every task of every paper, likeliest first: a dict of probabilities each."""
    return [
        {tag.task: tag.probability for tag in tags}
        for tags in classifier.rank(classifier.probabilities(papers), threshold=0.0)
    ]


def american(text):
    for british, spelling in AMERICAN.items():
        text = text.replace(british, spelling)
    return text


def test_the_papers_are_thirty_kinds_and_those_that_it_misses(classifier):
    tasks = [paper["task"] for paper in PAPERS]
    assert len(set(tasks)) == len(tasks)
    assert sum("known_failure" not in paper for paper in PAPERS) >= 30
    assert set(tasks) <= {classifier.config.task_info[label].canonical for label in classifier.labels}
    assert all(3 <= len(re.findall(r"[.?!](?=\s)", paper["abstract"])) <= 5 for paper in PAPERS)


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper["task"])
def test_a_well_known_kind_of_paper_gets_its_task(request, classifier, paper):
    if reason := paper.get("known_failure"):
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    (tags,) = classifier.predict([(paper["title"], paper["abstract"])], threshold=0.0, top_k=3)
    assert paper["task"] in [tag.task for tag in tags]


CHANGES = {
    "American spelling": lambda title, abstract: (american(title), american(abstract)),
    "title case": lambda title, abstract: (title.title(), abstract),
    "trailing URL": lambda title, abstract: (title, f"{abstract} Code: https://example.org/papers/2319?version=2"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_does_not_matter_to_a_reader_changes_little(classifier, originals, change):
    changed = [change(*paper) for paper in originals]
    assert sum(before != after for before, after in zip(originals, changed, strict=True)) >= 15
    check_the_same(classifier, originals, changed)


def test_latex_accents_read_like_others(classifier, originals):
    written, in_latex = ([(title, f"{abstract} {words}") for title, abstract in originals] for words in ACCENTS)
    check_the_same(classifier, written, in_latex)


def check_the_same(classifier, papers, changed):
    """The same first tag, or one as likely within the tolerance; and the first three about as likely as before."""
    moved = []
    for (title, _), before, after in zip(papers, ranked(classifier, papers), ranked(classifier, changed), strict=True):
        first, second, third, *_ = before
        if after[first] < max(after.values()) - TOLERANCE:
            moved.append((title, first, "is no longer first"))
        for task in (first, second, third):
            if abs(after[task] - before[task]) > TOLERANCE:
                moved.append((title, task, round(before[task], 2), round(after[task], 2)))
    assert not moved


@pytest.mark.parametrize(
    "task, sentence",
    [
        ("Machine Translation", "We also apply it to machine translation."),
        ("Machine Translation", "The same model translates German sentences into English and gains 1.2 BLEU."),
        ("Speech Recognition", "We also apply it to speech recognition."),
        ("Image Denoising", "The same network removes noise from photographs, which raises their PSNR by 2 dB."),
    ],
)
def test_a_sentence_on_a_task_raises_it(classifier, originals, task, sentence):
    others = [paper for paper, known in zip(originals, PAPERS, strict=True) if known["task"] != task]
    before = np.array([tags[task] for tags in ranked(classifier, others)])
    after = np.array([tags[task] for tags in ranked(classifier, [(t, f"{a} {sentence}") for t, a in others])])
    assert (after > before).all(), [others[row] for row in np.flatnonzero(after <= before)]
