"""What the app answers, as functions of JSON: the API's endpoints, and what its page asks.

Whatever a client sends, each function answers, or raises gr.Error with one sentence that tells what to change.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import gradio as gr
import numpy as np

from deployment.common.arxiv import Arxiv, ArxivError
from deployment.common.limits import PAPERS
from deployment.common.wording import NO_WORDS
from deployment.gradio_app import papers_file
from deployment.gradio_app.log import logged
from deployment.gradio_app.papers_file import TaggedRow
from paper_tasks.errors import EmptyPaper, InputError
from paper_tasks.io.rows import Row
from paper_tasks.tagger.classifier import TaskClassifier
from paper_tasks.tagger.explain import Explanation, explain


class Endpoints:
    """The functions, over one classifier and one way to arXiv."""

    def __init__(self, classifier: TaskClassifier, arxiv: Arxiv | None = None) -> None:
        self.classifier = classifier
        self.arxiv = arxiv or Arxiv()

    def tag(self, title: str, abstract: str) -> list[dict]:
        """The tasks of one paper, likeliest first: a list of {"task", "probability" (0 to 1), "area"}."""
        (tags,) = self.classifier.rank(self.probabilities(title, abstract))
        return self.classifier.as_json(tags)

    @logged("tag_batch", papers=len)
    def tag_batch(self, papers: list[dict]) -> list[list[dict]]:
        """The tasks of each of up to 256 papers, in their order; a paper is {"title", "abstract"}, one of them perhaps
        missing, and its tasks are as /tag gives them."""
        if not isinstance(papers, list) or not all(isinstance(paper, dict) for paper in papers):
            refuse('\'papers\' must be a list of papers like {"title": ..., "abstract": ...}.', "No papers")
        if len(papers) > PAPERS:
            refuse(f"'papers' has {len(papers):,} papers; send at most {PAPERS} at once.", "Too many papers")
        texts = [
            tuple(_text(paper.get(name), f"papers[{place}].{name}") for name in ("title", "abstract"))
            for place, paper in enumerate(papers)
        ]
        try:
            return list(map(self.classifier.as_json, self.classifier.predict(texts)))
        except EmptyPaper as error:
            refuse(f"papers[{error.index}]: {NO_WORDS}", "No text")

    def explain(self, title: str, abstract: str, task: str) -> dict:
        """Why a task: {"task", "probability", "text", "spans"}, each span of the text with its "start", "end", "text",
        "kind" ("mention" of the task's very name, "sentence" or "word"), "contribution" (fall of the log-odds when it
        is left out) and "without" (the probability that is then left). Where no word is left without it,
        "contribution" is null and "without" 0."""
        return self.explanation(title, abstract, task).as_dict()

    @logged("explain")
    def explanation(self, title: str, abstract: str, task: str) -> Explanation:
        """The same, for the page."""
        task = _text(task, "task")
        try:
            self.classifier.spellings(task)
        except KeyError:
            # As Python writes it: on one line, whatever is in it.
            refuse(f"{task[:80]!r} is none of the tasks; take one that /tag answers, spelled as there.", "No such task")
        try:
            return explain(self.classifier, _text(title, "title"), _text(abstract, "abstract"), task)
        except EmptyPaper:
            refuse_empty()

    @logged("tag")
    def probabilities(self, title: str, abstract: str) -> np.ndarray:
        """float32 (labels,) of one paper."""
        try:
            return self.classifier.probabilities([(_text(title, "title"), _text(abstract, "abstract"))])[0]
        except EmptyPaper:
            refuse_empty()

    @logged("tag_file", papers=lambda answer: len(answer[0]))
    def tag_file(self, path: Path, steps: Callable[[int, int], None]) -> tuple[list[TaggedRow], list[Row]]:
        """The papers of a file with their tasks, and its broken rows; `steps` is told how many of how many are done."""
        try:
            rows, broken = papers_file.read(path)
        except InputError as error:
            refuse(str(error), "File")
        except OSError:
            refuse("The file is no longer there; upload it again.", "File")
        tagged: list[TaggedRow] = []
        for chunk in papers_file.tag(self.classifier, rows):
            tagged += chunk
            steps(len(tagged), len(rows))
        return tagged, broken

    @logged("fetch")
    def fetch(self, number: str) -> tuple[str, str]:
        """Title and abstract of a paper on arXiv, by its id or link."""
        try:
            return self.arxiv.paper(_text(number, "number"))
        except ArxivError as error:
            refuse(str(error), "arXiv")


def refuse(message: str, title: str = "Error") -> NoReturn:
    """Tells a person or a program what is wrong with what they sent; nothing for the server's log."""
    raise gr.Error(message, title=title, print_exception=False)


def refuse_empty() -> NoReturn:
    """The answer to a paper without a word."""
    refuse(NO_WORDS, "No text")


def _text(value: Any, name: str) -> str:
    """A text as it came; "" for None."""
    if value is None:
        return ""
    if not isinstance(value, str):
        refuse(f"'{name}' is {type(value).__name__}; it must be a text.", "No text")
    return value
