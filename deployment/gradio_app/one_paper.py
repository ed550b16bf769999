"""The first tab: a form for one paper, its tasks, and the reasons for one of them."""

from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from deployment.common.examples import EXAMPLES
from deployment.common.limits import ABSTRACT_CHARACTERS, TITLE_CHARACTERS
from deployment.gradio_app import html
from deployment.gradio_app.endpoints import PRIVATE, Endpoints
from paper_tasks.tagger import language
from paper_tasks.tagger.classifier import MAIN, Probabilities, Tag, by_level

FOLDER = Path(__file__).parent
# Runs in the list of tasks, in the reasons, and after each answer.
CHOOSE_TASK, SHOW_REASONS, SHOW_TAGS = (
    (FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in ("choose_task", "show_reasons", "show_tags")
)


class ShownPaper(NamedTuple):
    """The paper whose tasks the page shows, its probabilities, and the names in it that are no tasks."""

    title: str
    abstract: str
    probabilities: Probabilities
    topics: list[str]


class Reasons(NamedTuple):
    """HTML, and the paper that it is about."""

    paper: ShownPaper | None
    html: str


class OnePaper:
    """The functions behind the tab."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints, self._classifier = endpoints, endpoints.classifier

    def tag_paper(self, title: str, abstract: str, threshold: float, artefacts: bool) -> tuple[ShownPaper, str, str]:
        """The paper, its tasks as HTML, and no reasons."""
        probabilities = self._endpoints.probabilities(title, abstract)
        paper = ShownPaper(title, abstract, probabilities, self._classifier.topics(title, abstract))
        return paper, self.show_tags(paper, threshold, artefacts), ""

    def tag_example(self, title: str, abstract: str) -> tuple[ShownPaper, str, str]:
        """The same as `tag_paper`, at the threshold that the page starts with."""
        return self.tag_paper(title, abstract, self._classifier.default_threshold, False)

    def show_tags(self, paper: ShownPaper | None, threshold: float, artefacts: bool) -> str:
        """The tasks of a paper from a threshold on, by level; the nearest below it; and the topics."""
        if paper is None:
            return html.PROMPT
        tags = self._tags(paper, threshold=threshold, hide_artefacts=not artefacts)
        ranked = self._tags(paper, threshold=0, top_k=len(tags) + html.NEAREST, hide_artefacts=not artefacts)
        named = {tag.task for tag in tags}
        nearest = [tag for tag in ranked if tag.task not in named][: html.NEAREST]
        main, also, less = (list(map(self._row, level)) for level in (*by_level(tags), nearest))
        return html.tags_html(main, also, less, threshold, paper.topics, language.note(paper.title, paper.abstract))

    def explain_task(self, paper: ShownPaper | None, event: gr.EventData) -> Reasons:
        """The reasons for the task that was chosen."""
        if paper is None:
            return Reasons(None, "")
        # A program may send an event without a task or a level.
        task, level = getattr(event, "task", ""), getattr(event, "level", MAIN)
        explanation = self._endpoints.explanation(paper.title, paper.abstract, task, level)
        return Reasons(paper, html.reasons_html(explanation))

    @staticmethod
    def current_reasons(reasons: Reasons, paper: ShownPaper | None) -> str:
        """The reasons, unless the page shows another paper by now."""
        return reasons.html if reasons.paper is paper else ""

    def _tags(self, paper: ShownPaper, **options: Any) -> list[Tag]:
        (tags,) = self._classifier.rank(paper.probabilities, **options)
        return tags

    def _row(self, tag: Tag) -> html.TaskRow:
        return html.TaskRow(*tag, self._classifier.area(tag.task))


def one_paper_tab(endpoints: Endpoints) -> None:
    """Puts the tab's parts into the page, and connects them with its functions."""
    functions, classifier = OnePaper(endpoints), endpoints.classifier
    shown_paper, last_reasons = gr.State(None), gr.State(Reasons(None, ""))
    with gr.Row():
        with gr.Column(scale=3):
            with gr.Row(equal_height=True):
                number = gr.Textbox(
                    label="arXiv id or link (optional)",
                    placeholder="2401.01234",
                    max_length=200,
                    scale=2,
                    min_width=180,
                )
                fetch = gr.Button("Fetch from arXiv", scale=1, min_width=140)
            title = gr.Textbox(label="Title", lines=1, max_length=TITLE_CHARACTERS)
            abstract = gr.Textbox(label="Abstract", lines=9, max_lines=16, max_length=ABSTRACT_CHARACTERS)
            with gr.Row():
                clear = gr.Button("Clear", scale=1)
                submit = gr.Button("Find its tasks", variant="primary", scale=2)
        with gr.Column(scale=2):
            default = round(classifier.default_threshold, 2)
            threshold = gr.Slider(0.05, 0.95, value=default, step=0.01, label="Show from probability")
            artefacts = gr.Checkbox(False, label="Also names that are no tasks, such as Navigate or SSIM")
            tags = gr.HTML(html.PROMPT, elem_id="tags", js_on_load=CHOOSE_TASK)
            reasons = gr.HTML("", elem_id="reasons", js_on_load=SHOW_REASONS)
    paper, view, answer = [title, abstract], [threshold, artefacts], [shown_paper, tags, reasons]
    examples = gr.Examples(
        list(map(list, EXAMPLES.values())),
        paper,
        cache_examples=False,
        example_labels=list(EXAMPLES),
        label="Invented papers to try",
        api_visibility="private",
    )

    answers = [examples.load_input_event.then(functions.tag_example, paper, answer, show_progress_on=tags, **PRIVATE)]
    for trigger in (submit.click, title.submit):
        answers.append(trigger(functions.tag_paper, [*paper, *view], answer, show_progress_on=tags, **PRIVATE))
    for trigger in (fetch.click, number.submit):
        fetched = trigger(
            endpoints.fetch,
            number,
            paper,
            # So many may wait for arXiv; they do not keep others waiting.
            concurrency_limit=5,
            concurrency_id="arxiv",
            # Not on the paper: it can be pasted when arXiv does not give it.
            show_progress_on=number,
            **PRIVATE,
        )
        # Removes Gradio's "Error" from the field, so that the id can be mended.
        fetched.failure(gr.skip, None, number, queue=False, show_progress="hidden", **PRIVATE)
        answers.append(fetched.success(functions.tag_paper, [*paper, *view], answer, show_progress_on=tags, **PRIVATE))
    for tagged in answers:
        tagged.success(None, js=SHOW_TAGS, **PRIVATE)
    for trigger in (threshold.input, artefacts.input):
        trigger(
            functions.show_tags,
            [shown_paper, *view],
            tags,
            show_progress="hidden",
            trigger_mode="always_last",
            **PRIVATE,
        )
    explained = tags.click(
        functions.explain_task,
        shown_paper,
        last_reasons,
        trigger_mode="always_last",
        show_progress_on=reasons,
        **PRIVATE,
    )
    explained.success(
        functions.current_reasons,
        [last_reasons, shown_paper],
        reasons,
        queue=False,
        show_progress="hidden",
        **PRIVATE,
    )
    clear.click(lambda: ("", "", "", None, html.PROMPT, ""), None, [number, *paper, *answer], queue=False, **PRIVATE)
