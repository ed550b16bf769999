"""The About tab: what the model is and how good it is, in words, in plots, and in its card."""

import base64
from html import escape
from pathlib import Path

import gradio as gr
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from deployment.gradio_app.uploads import KEEP_HOURS
from paper_tasks.paths import MODEL_DIR
from paper_tasks.tagger.classifier import TaskClassifier
from paper_tasks.tagger.config import ModelConfig
from paper_tasks.tagger.wording import DISTANT_LABELS

TEMPLATE = "about.md.j2"
# Plots of the model that ships, copied here by `make evaluate`.
PLOTS_DIR = Path(__file__).parents[1] / "plots"
PLOTS = {
    "recall.png": "The share of the right tasks that are among the first five of each system: for tasks in the "
    "authors' keywords, for those of them that the text names, for those that it does not name, and for tasks whose "
    "names are cut from the text.",
    "f1_by_frequency.png": "F1, from rare tasks on the left to frequent tasks on the right.",
    "reliability.png": "The share of tags of some probability that are right, for whole texts and, paler, for texts "
    "without names of tasks. Below, the number of these tags.",
}


def about_tab(classifier: TaskClassifier, model: Path) -> None:
    """Puts the text into the page; plots, if `model` is the folder of the model that ships; the card, if it has one."""
    gr.Markdown(about_markdown(classifier.config), elem_id="about")
    if model == MODEL_DIR:
        gr.HTML(plots_html())
    if card := card_markdown(model):
        with gr.Accordion("The model's card", open=False):
            gr.Markdown(card, elem_id="card")


def about_markdown(config: ModelConfig) -> str:
    """What the model is, what it was trained on and how it scored, read from its `config.json`; and what is kept."""
    templates = Environment(loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, autoescape=False)
    return templates.get_template(TEMPLATE).render(
        config=config,
        distant=config.data.labels.startswith("distant"),
        distant_labels=DISTANT_LABELS,
        tasks=len({info.canonical for info in config.task_info.values() if info.is_task}),
        keep_hours=KEEP_HOURS,
    )


def plots_html(folder: Path = PLOTS_DIR) -> str:
    """The plots that are in a folder, each with its meaning. They lie within the page, which fetches nothing."""
    figures = []
    for name, meaning in PLOTS.items():
        if (folder / name).is_file():
            data = base64.b64encode((folder / name).read_bytes()).decode()
            image = f"<img src='data:image/png;base64,{data}' alt='{escape(meaning, quote=True)}'>"
            # What scrolls sideways must be reachable by the keyboard.
            image = f"<div tabindex='0'>{image}</div>"
            figures.append(f"<figure>{image}<figcaption class='note'>{escape(meaning)}</figcaption></figure>")
    return f"<div class='plots'>{''.join(figures)}</div>" if figures else ""


def card_markdown(model: Path) -> str:
    """The card in a model's folder, without the front matter that the Hugging Face hub reads; "" if it has no card."""
    path = model / "README.md"
    if not path.is_file():
        return ""
    text = path.read_text(encoding="utf-8")
    # The front matter lies between two lines of three dashes.
    return text.split("---\n", 2)[2] if text.startswith("---\n") else text
