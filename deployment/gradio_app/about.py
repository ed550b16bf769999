"""The About tab: what the model is, how good it is in words and plots, and its card."""

import base64
from html import escape
from pathlib import Path

from paper_tasks.tagger.config import ModelConfig
from paper_tasks.tagger.wording import DISTANT_LABELS

# Those of the model that ships, as `make evaluate` left them.
PLOTS_DIR = Path(__file__).parents[1] / "plots"
PLOTS = {
    "recall.png": "How many of the right tasks each system has among its first five: of those in authors' keywords, of "
    "those among them that the text names or does not name, and with all names cut out of the text.",
    "f1_by_frequency.png": "F1, from rare tasks on the left to frequent ones on the right.",
    "reliability.png": "How many of the tasks given some probability are right, for whole texts and, paler, for texts "
    "without their names; below, how many there are.",
}


def about_markdown(config: ModelConfig, keep_hours: float) -> str:
    """What the model is, what it was trained on and how it scored, all read from its `config.json`; and how long an
    upload is kept."""
    training, scores, data = config.training, config.scores, config.data
    learned = training.pretraining
    pretraining = f", which first learned what phrases {learned.texts:,} texts had lost" if learned else ""
    learned_from = f"The tasks of {data.papers_train:,} papers: {data.labels}."
    if data.labels.startswith("distant"):
        learned_from = f"**Distant labels** of {data.papers_train:,} papers. {DISTANT_LABELS}"
    rows = "\n".join(
        f"| {name.replace('_', ' ')} | {scores.tiers['fp32'][name]:.3f} | {scores.tiers['int8'][name]:.3f} |"
        for name in scores.tiers["int8"]
    )
    tasks = len({info.canonical for info in config.task_info.values() if info.is_task})
    return f"""
## What this is

It reads the title and abstract of a machine-learning paper, in English, and gives each of the {len(config.labels)}
task names of Papers with Code a probability. Some of those names are spellings of one task, and a few name no task at
all; merged and without these they are {tasks} tasks. The vocabulary is of 2023: newer tasks have no name in it.

## What it learned from

{learned_from} In training,
all words that name a task were cut from a text with a probability of {training.mask_rate:.0%}, task by task, so
that the model learns what a paper on that task is about.

The encoder is {config.backbone}{pretraining}; training took {training.minutes:.0f} minutes on
{training.papers_seen:,} texts. Its encoder reads the first {config.encoder_tokens}
tokens of a text.

## How good it is

On {scores.papers:,} development papers, which it had not learned from, against labels of the same kind, at a
threshold of {config.default_threshold:.0%}:

| score | fp32 | int8, which runs here |
|---|---:|---:|
{rows}

The probabilities were calibrated on other held-out papers. They tell how surely a paper works on a task, not how
central the task is to it.

## Your text

It is read in this program's memory and kept nowhere. A file that you upload, and its result, lie in a temporary folder
for at most {keep_hours} hours. Nothing is sent anywhere, but for an arXiv id that you give, to arXiv.

## Elsewhere

- [The project this one rebuilds](https://github.com/Tasfiq-K/from-paper-with-tasks), with its data and its model
- [Papers with Code's last data](https://huggingface.co/datasets/pwc-archive/papers-with-abstracts)
- [all-MiniLM-L6-v2](https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2), the encoder of the model that ships
- [ONNX Runtime](https://onnxruntime.ai), which runs it here
"""


def plots_html(folder: Path = PLOTS_DIR) -> str:
    """The plots that lie in a folder, each with its meaning, within the page: nothing has to be fetched."""
    figures = []
    for name, meaning in PLOTS.items():
        if (folder / name).is_file():
            data = base64.b64encode((folder / name).read_bytes()).decode()
            image = f"<img src='data:image/png;base64,{data}' alt='{escape(meaning, quote=True)}'>"
            # What can be moved sideways must be so by the keyboard too.
            image = f"<div tabindex='0'>{image}</div>"
            figures.append(f"<figure>{image}<figcaption class='note'>{escape(meaning)}</figcaption></figure>")
    return f"<div class='plots'>{''.join(figures)}</div>" if figures else ""


def card_markdown(model: Path) -> str:
    """The card in a model's folder, without what only the Hugging Face hub reads; empty where there is none."""
    if not (model / "README.md").is_file():
        return ""
    text = (model / "README.md").read_text(encoding="utf-8")
    # Between two lines of three dashes.
    return text.split("---\n", 2)[2] if text.startswith("---\n") else text
