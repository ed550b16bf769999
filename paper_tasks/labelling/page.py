"""A local page to label papers by reading: the model's ranking is shown only after the reader has chosen."""

from collections.abc import Sequence

import gradio as gr

from paper_tasks.data import vocabulary
from paper_tasks.errors import InputError
from paper_tasks.labelling.journal import Journal, Label
from paper_tasks.labelling.papers import Paper
from paper_tasks.tagger.classifier import MAIN, OK, TaskClassifier
from paper_tasks.tagger.wording import PROJECT

HOST = "127.0.0.1"
# The most tasks of the model that are shown beside the reader's.
SHOWN = 8
COLUMNS = ["task", "you", "the model", "probability"]
RULES = """**main**: what the paper works on, by its most specific name; often one to three tasks, often none.
**ok**: right too, but not central, such as the broader task or an essential technique.
What is only mentioned is in neither. The whole guideline is csv_files/read_labels/GUIDELINE.md."""

Shown = tuple[str, str, str, str]


class Reader:
    """The functions behind the page. What is left to label is the same for all its visitors."""

    def __init__(self, papers: Sequence[Paper], journal: Journal, classifier: TaskClassifier) -> None:
        self._papers = {paper.id: paper for paper in papers}
        self._journal, self._classifier = journal, classifier

    def next_paper(self) -> Shown:
        """The first paper without a label: its id, how many are done, title and abstract; at the end, no id."""
        left = [paper for key, paper in self._papers.items() if key not in self._journal.ids]
        done = f"{len(self._papers) - len(left):,} of {len(self._papers):,} papers are labelled."
        return (
            (left[0].id, done, left[0].title, left[0].abstract) if left else ("", f"{done} That was the last.", "", "")
        )

    def save(self, key: str, main: list[str], ok: list[str]) -> list[list[str]]:
        """Saves a reader's choice, and then compares it with the model's: rows of `COLUMNS`.

        A task in both lists counts as main. Raises gr.Error if the paper has a label, or if it cannot be saved.
        """
        if key not in self._papers or key in self._journal.ids:
            raise gr.Error("There is nothing to save: this paper has a label. Go to the next.")
        paper = self._papers[key]
        label = Label(key, paper.title, main, [task for task in ok if task not in main])
        try:
            self._journal.append(label)
        except InputError as error:
            raise gr.Error(str(error)) from error
        return self._compared(paper, label)

    def _compared(self, paper: Paper, label: Label) -> list[list[str]]:
        """The reader's tasks and the model's: first the model's tags, then the likeliest of all others."""
        chosen = dict.fromkeys(label.ok, OK) | dict.fromkeys(label.main, MAIN)
        both = self._classifier.both_levels([(paper.title, paper.abstract)])
        tags = {tag.task: tag.level for tag in self._classifier.rank(both)[0]}
        shares = {tag.task: f"{tag.probability:.0%}" for tag in self._classifier.rank(both.main, threshold=0)[0]}
        likeliest = list(dict.fromkeys([*tags, *shares]))[: max(SHOWN, len(tags))]
        return [
            [task, chosen.get(task, ""), tags.get(task, ""), shares.get(task, "")]
            for task in dict.fromkeys([*likeliest, *chosen])
        ]


def build(reader: Reader) -> gr.Blocks:
    """The page: one paper, two lists to search and choose from, and the comparison after saving."""
    tasks = sorted({task.canonical for task in vocabulary.tasks() if task.is_task}, key=str.lower)
    with gr.Blocks(title=f"{PROJECT}: labels", analytics_enabled=False) as blocks:
        key, done = gr.State(""), gr.Markdown()
        # Boxes, because a title or an abstract may hold Markdown or HTML.
        title = gr.Textbox(label="Title", interactive=False)
        abstract = gr.Textbox(label="Abstract", interactive=False, lines=8)
        gr.Markdown(RULES)
        with gr.Row():
            main = gr.Dropdown(tasks, label="main: works on", multiselect=True, value=[])
            ok = gr.Dropdown(tasks, label="ok: right too", multiselect=True, value=[])
        with gr.Row():
            save = gr.Button("Save, then compare", variant="primary")
            further = gr.Button("Next paper")
        compared = gr.Dataframe(headers=COLUMNS, label="You and the model", interactive=False)
        paper = [key, done, title, abstract]

        def show_next() -> tuple[object, ...]:
            return *reader.next_paper(), [], [], []

        save.click(reader.save, [key, main, ok], compared, api_name="save")
        gr.on([blocks.load, further.click], show_next, None, [*paper, main, ok, compared], api_name="next_paper")
    return blocks


def serve(reader: Reader, port: int) -> gr.Blocks:
    """Starts to serve the page on this machine alone, from threads of its own. Raises InputError if it cannot."""
    blocks = build(reader)
    try:
        blocks.launch(
            server_name=HOST, server_port=port, prevent_thread_lock=True, quiet=True, share=False, ssr_mode=False
        )
    except OSError as error:
        raise InputError(f"Cannot serve at {HOST}:{port}: the port is taken; choose another by --port.") from error
    return blocks
