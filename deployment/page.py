"""The pieces of the page that are HTML or Markdown: a list of tags with bars, the About text."""

from collections.abc import Sequence
from html import escape
from typing import Any

NEAREST = 3

CSS = """
.tags { list-style: none; margin: 0; padding: 0; }
.tags li { padding: 0.45rem 0; border-bottom: 1px solid var(--border-color-primary); }
.tags li:last-child { border-bottom: 0; }
.tags .line { display: flex; gap: 0.75rem; align-items: baseline; }
.tags .task { font-weight: 600; color: var(--body-text-color); }
.tags .area { flex: 1; font-size: 0.85em; color: var(--body-text-color-subdued); }
.tags .percent { font-variant-numeric: tabular-nums; color: var(--body-text-color); }
.tags .bar { height: 0.4rem; margin-top: 0.3rem; border-radius: 0.2rem; background: var(--border-color-primary); }
.tags .bar > div { height: 100%; border-radius: 0.2rem; background: var(--color-accent); }
.tags.faint .bar > div { background: var(--body-text-color-subdued); }
.note { color: var(--body-text-color-subdued); margin: 0 0 0.5rem; }
"""

PROMPT = "<p class='note'>The tasks appear here, with the probability that the paper works on them.</p>"


def tags_html(
    tags: Sequence[tuple[str, float, str]], threshold: float, nearest: Sequence[tuple[str, float, str]]
) -> str:
    """Tags (task, probability, area) as a list with bars; where there are none, the nearest below the threshold."""
    if tags:
        return _list(tags, "tags")
    return f"<p class='note'>No task reaches {threshold:.0%}. The nearest are:</p>" + _list(nearest, "tags faint")


def about_markdown(config: dict[str, Any]) -> str:
    """What the model is, what it was trained on and how it scored, all read from its `config.json`."""
    training, scores = config["training"], config["scores"]
    data = training["data"]
    rows = "\n".join(
        f"| {name.replace('_', ' ')} | {scores['fp32'][name]:.3f} | {scores['int8'][name]:.3f} |"
        for name in scores["int8"]
    )
    tasks = len({info["canonical"] for info in config["task_info"].values() if info["is_task"]})
    return f"""
### What this is

It reads the title and abstract of a machine-learning paper, in English, and gives each of the {len(config["labels"])}
task names of Papers with Code a probability. Some of those names are spellings of one task, and a few name no task at
all; merged and without these they are {tasks} tasks. The vocabulary is of 2023: newer tasks have no name in it.

### What it learned from

**Distant labels**, on {data["papers_train"]:,} papers: a paper has a task where the task's name, or an alias of it,
stands in its title, its abstract or its authors' keywords. These are *not* Papers with Code's labels. In training,
all words that name a task were cut from a text with a probability of {training["mask_rate"]:.0%}, task by task, so
that the model learns what a paper on that task is about.

The encoder is {config["backbone"]}; training took {training["minutes"]:.0f} minutes on
{training["papers_seen"]:,} texts (seed {training["seed"]}). Its encoder reads the first {config["encoder_tokens"]} tokens.

### How good it is

On {scores["papers"]:,} held-out papers, against distant labels, at the default threshold of
{config["default_threshold"]:.0%}:

| | fp32 | int8, which runs here |
|---|---:|---:|
{rows}

The probabilities were calibrated on other held-out papers. They tell how surely a paper works on a task, not how
central the task is to it.

### Your text

It is read in this program's memory and kept nowhere.
"""


def _list(tags: Sequence[tuple[str, float, str]], kind: str) -> str:
    return f"<ol class='{kind}'>{''.join(_item(*tag) for tag in tags)}</ol>"


def _item(task: str, probability: float, area: str) -> str:
    return (
        f"<li><div class='line'><span class='task'>{escape(task)}</span><span class='area'>{escape(area)}</span>"
        f"<span class='percent'>{probability:.0%}</span></div>"
        f"<div class='bar' aria-hidden='true'><div style='width:{max(1, round(100 * probability))}%'></div></div></li>"
    )
