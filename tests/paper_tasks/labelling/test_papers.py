import numpy as np
import pytest

from paper_tasks.errors import InputError
from paper_tasks.labelling.papers import Paper, least_sure_first, read_papers
from tests.stub import StubClassifier


def test_papers_with_both_texts_are_read_once(tmp_path):
    table = tmp_path / "papers.csv"
    table.write_text("Title,Abstract\nOne,We.\nONE!,Again.\nNo abstract,\n,No title\nTwo,They.\n", encoding="utf-8")
    assert [(paper.title, paper.abstract) for paper in read_papers(table)] == [("One", "We."), ("Two", "They.")]


@pytest.mark.parametrize(
    ("text", "words"),
    [("title,abstract\nOne,\n", "has no paper with a title and an abstract"), ("title,abstract\nOne\n", "line 2")],
)
def test_tables_without_papers_to_label_are_refused(tmp_path, text, words):
    table = tmp_path / "papers.csv"
    table.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        read_papers(table)


def test_a_probability_near_its_threshold_comes_first(monkeypatch):
    classifier = StubClassifier()
    papers = [Paper(name, name, "We.") for name in ("sure", "unsure", "near one threshold")]
    probabilities = np.array([[0.99, 0.01, 0.01], [0.3, 0.3, 0.3], [0.01, 0.01, 0.22]], dtype=np.float32)
    monkeypatch.setattr(classifier, "probabilities", lambda pairs: probabilities[: len([*pairs])])
    classifier.thresholds = np.array([0.5, 0.5, 0.2], dtype=np.float32)
    ordered = [paper.id for paper in least_sure_first(papers, classifier)]
    assert ordered == ["near one threshold", "unsure", "sure"]
