"""What the app answers: the endpoints of its API, as functions of JSON, and the functions behind its page.

Whatever a client sends, each function answers, or raises gr.Error with one sentence that says what to change.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import gradio as gr

from deployment.common.arxiv import Arxiv, ArxivError
from deployment.common.limits import PAPERS
from deployment.common.wording import NO_WORDS
from deployment.gradio_app import papers_file
from deployment.gradio_app.log import logged
from deployment.gradio_app.papers_file import TaggedRow
from paper_tasks.errors import EmptyPaper, InputError
from paper_tasks.io.rows import Row
from paper_tasks.tagger.classifier import MAIN, Probabilities, TaskClassifier
from paper_tasks.tagger.explain import Explanation, explain

# Of functions behind the page. Their names count in the API nevertheless: one that is called like an endpoint would
# rename the endpoint.
PRIVATE: dict[str, Any] = {"api_visibility": "private"}


class Endpoints:
    """The functions, over one classifier and one client of arXiv."""

    def __init__(self, classifier: TaskClassifier, arxiv: Arxiv | None = None) -> None:
        self.classifier = classifier
        self.arxiv = arxiv or Arxiv()

    def tag(self, title: str, abstract: str) -> list[dict[str, Any]]:
        """The tasks of one paper: a list of {"task", "probability" (0 to 1), "level", "area"}.

        At level "main" the paper works on the task, at level "ok" the task also fits it. Those of "main" come first,
        and within a level the likeliest.
        """
        (tags,) = self.classifier.rank(self.probabilities(title, abstract))
        return self.classifier.as_json(tags)

    @logged("tag_batch", papers=len)
    def tag_batch(self, papers: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
        """The tasks of each of up to 256 papers, in their order, as /tag gives them.

        A paper is {"title", "abstract"}; one of the two may be missing.
        """
        if not isinstance(papers, list) or not all(isinstance(paper, dict) for paper in papers):
            refuse('\'papers\' must be a list of papers like {"title": ..., "abstract": ...}.', "No papers")
        if len(papers) > PAPERS:
            refuse(f"'papers' has {len(papers):,} papers; send at most {PAPERS} at once.", "Too many papers")
        texts = [
            (
                _text(paper.get("title"), f"papers[{index}].title"),
                _text(paper.get("abstract"), f"papers[{index}].abstract"),
            )
            for index, paper in enumerate(papers)
        ]
        try:
            return list(map(self.classifier.as_json, self.classifier.predict(texts)))
        except EmptyPaper as error:
            refuse(f"papers[{error.index}]: {NO_WORDS}", "No text")

    def explain(self, title: str, abstract: str, task: str, level: str = MAIN) -> dict[str, Any]:
        """Why a task, at the level that /tag gives it: {"task", "probability", "text", "spans"}.

        Each span of the text has "start", "end", "text" and "kind": "mention" (of the task's name), "sentence" or
        "word". "contribution" is how far the log-odds fall when the span is left out; "without" is the probability
        that is left. If no word is left without the span, "contribution" is null and "without" is 0.
        """
        return self.explanation(title, abstract, task, level).as_dict()

    @logged("explain")
    def explanation(self, title: str, abstract: str, task: str, level: str) -> Explanation:
        """What `explain` answers, as the page needs it."""
        task, level = _text(task, "task"), _text(level, "level")
        if level not in self.classifier.levels:
            known = " or ".join(map(repr, self.classifier.levels))
            refuse(f"{level[:80]!r} is not a level of this model; use {known}.", "No such level")
        try:
            self.classifier.spellings(task)
        except KeyError:
            # The task as Python writes it, so that the message stays on one line.
            refuse(
                f"{task[:80]!r} is not a task here; use a task that /tag answers, spelled as there.",
                "No such task",
            )
        try:
            return explain(self.classifier, _text(title, "title"), _text(abstract, "abstract"), task, level)
        except EmptyPaper:
            refuse_empty()

    @logged("tag")
    def probabilities(self, title: str, abstract: str) -> Probabilities:
        """The probabilities of both levels, of one paper."""
        try:
            return self.classifier.both_levels([(_text(title, "title"), _text(abstract, "abstract"))])
        except EmptyPaper:
            refuse_empty()

    @logged("tag_file", papers=lambda answer: len(answer[0]))
    def tag_file(self, path: Path, steps: Callable[[int, int], None]) -> tuple[list[TaggedRow], list[Row]]:
        """The papers of a file with their tasks, and its broken rows; `steps` gets the papers done, and all papers."""
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
    """Raises gr.Error with a message for the person or program that asked; the server's log gets nothing of it."""
    raise gr.Error(message, title=title, print_exception=False)


def refuse_empty() -> NoReturn:
    """Raises gr.Error for a paper without a word."""
    refuse(NO_WORDS, "No text")


def _text(value: Any, name: str) -> str:
    """A text as it was sent; "" for None."""
    if value is None:
        return ""
    if not isinstance(value, str):
        refuse(f"'{name}' is {type(value).__name__}; it must be a text.", "No text")
    return value
