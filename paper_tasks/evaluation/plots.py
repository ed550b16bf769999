"""The three plots of an evaluation, from the same figures as its tables. No display is needed."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from paper_tasks.evaluation.scoreboard import labels_of
from paper_tasks.io import atomic
from paper_tasks.notebooks.helpers import BLACK, BLUE, BROWN, GREEN, GREY, LOOK, ORANGE, PURPLE, SKY, YELLOW

# Baselines in the table's order, then models, the one that ships last. Markers and styles tell them apart in grey.
BASELINE_STYLES = (
    (GREY, "s", ":"),
    (ORANGE, "^", "--"),
    (YELLOW, "v", "--"),
    (PURPLE, "D", "-."),
    (GREEN, "X", ":"),
    (BLACK, "*", "-."),
    (BROWN, "p", ":"),
)
MODEL_STYLES = ((BLUE, "o", "-"), (SKY, "P", "-"), (SKY, "d", ":"))
RECALLS = {
    "keyword_recall_at_5": "author keywords",
    "keyword_recall_at_5_mentioned": "… mentioned in the text",
    "keyword_recall_at_5_unmentioned": "… not mentioned",
    "masked_recall_at_5": "mentions cut out",
}
# Tasks of like many training papers, together in one point of a line.
GROUPS = 6


def write(evaluation: Mapping, per_task: pd.DataFrame, folder: Path) -> None:
    """Writes `f1_by_frequency.png`, `recall.png` and, where a system gives probabilities, `reliability.png`.

    evaluation: what `evaluate` returned; per_task: the table that it wrote to `per_task.csv`.
    """
    with matplotlib.rc_context(LOOK):
        figures = {"f1_by_frequency": f1_by_frequency(evaluation, per_task), "recall": recall_bars(evaluation)}
        if evaluation["reliability"]:
            figures["reliability"] = reliability_diagram(evaluation)
        for name, figure in figures.items():
            with atomic.write_atomic(folder / f"{name}.png") as path:
                # The same figures give the same file: no date, no version.
                figure.savefig(path, format="png", dpi=100, metadata={"Software": None})


def f1_by_frequency(evaluation: Mapping, per_task: pd.DataFrame) -> Figure:
    """A line for each system, of the mean F1 of like frequent tasks; the shipped model's tasks as dots."""
    figure = Figure(figsize=(8.5, 4.5))
    axes = figure.subplots()
    occurring = per_task[per_task["papers"] > 0].sort_values("train papers", kind="stable")
    rows = np.array_split(np.arange(len(occurring)), min(GROUPS, len(occurring)))
    groups = [occurring.iloc[places] for places in rows]
    frequencies = [group["train papers"].median() for group in groups]
    for system, (color, marker, line) in _styles(evaluation).items():
        if system in evaluation["models"][-1:]:
            dots = {"color": color, "alpha": 0.3, "markersize": 5, "label": f"{system}, a task each"}
            axes.plot(occurring["train papers"], occurring[f"f1 {system}"], ".", **dots)
        means = [group[f"f1 {system}"].mean() for group in groups]
        axes.plot(frequencies, means, line, marker=marker, color=color, label=system)
    axes.set(
        title="F1 of frequent and rare tasks: lines are means of a sixth of the tasks",
        xlabel="training papers with the task (log scale)",
        ylabel=f"F1 on {labels_of(evaluation)}",
        xscale="log",
        ylim=(-0.02, 1.03),
    )
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def recall_bars(evaluation: Mapping) -> Figure:
    """recall@5 of every system, in a panel for each kind of truth; lines are 95% intervals."""
    systems = evaluation["systems"]
    kinds = {name: title for name, title in RECALLS.items() if any(name in scores for scores in systems.values())}
    figure = Figure(figsize=(12, 1.6 + 0.32 * len(systems)))
    panels = np.atleast_1d(figure.subplots(1, max(1, len(kinds)), sharey=True))
    styles = _styles(evaluation)
    for axes, (name, title) in zip(panels, kinds.items(), strict=False):
        for place, (system, scores) in enumerate(systems.items()):
            if name not in scores:
                axes.text(0.02, place, "–", va="center", color=GREY)
                continue
            low, high = scores[f"{name}_interval"]
            errors = [[max(0, scores[name] - low)], [max(0, high - scores[name])]]
            axes.barh(place, scores[name], 0.7, xerr=errors, color=styles[system][0], error_kw={"linewidth": 1})
        axes.set(title=title, xlabel="recall@5", xlim=(0, 1.03))
        axes.grid(visible=False, axis="y")
    panels[0].set_yticks(range(len(systems)), systems)
    panels[0].invert_yaxis()
    figure.suptitle("Tasks found among the first five suggestions, with 95% intervals", x=0.01, ha="left")
    return figure


def reliability_diagram(evaluation: Mapping) -> Figure:
    """Of all pairs of paper and task given about the same probability, the share that is right; and how many.

    A pale line is of the same papers with every mention of their labels cut out.
    """
    figure = Figure(figsize=(9, 6))
    curve, sizes = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    curve.axline((0, 0), slope=1, color=GREY, linewidth=1, label="as many as it says")
    for system, bins in evaluation["reliability"].items():
        color, marker, line = _styles(evaluation)[system]
        error = evaluation["systems"][system]["calibration_error"]
        probability = [row["mean probability"] for row in bins]
        right = [row["share that is right"] for row in bins]
        curve.plot(probability, right, line, marker=marker, color=color, label=f"{system}, error {error:.4f}")
        masked = evaluation["reliability_masked"][system]
        curve.plot(
            [row["mean probability"] for row in masked],
            [row["share that is right"] for row in masked],
            line,
            marker=marker,
            color=color,
            alpha=0.4,
            label=f"{system}, names cut out",
        )
        sizes.plot(probability, [row["pairs"] for row in bins], line, marker=marker, color=color)
    curve.set(title="Do the probabilities mean what they say?", ylabel="share that is right", ylim=(0, 1))
    curve.legend(loc="upper left", bbox_to_anchor=(1, 1))
    sizes.set(xlabel="probability", ylabel="pairs (log scale)", yscale="log", xlim=(0, 1))
    return figure


def _styles(evaluation: Mapping) -> dict[str, tuple[str, str, str]]:
    """Color, marker and line of each system, in the table's order."""
    models = evaluation["models"]
    baselines = [system for system in evaluation["systems"] if system not in models]
    styles = {system: BASELINE_STYLES[place % len(BASELINE_STYLES)] for place, system in enumerate(baselines)}
    for place, system in enumerate(reversed(models)):
        styles[system] = MODEL_STYLES[min(place, len(MODEL_STYLES) - 1)]
    return {system: styles[system] for system in evaluation["systems"]}
