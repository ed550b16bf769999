"""The three plots of an evaluation, from the same report as its tables. They need no display."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from paper_tasks.evaluation.palette import BLACK, BLUE, BROWN, GREEN, GREY, LOOK, ORANGE, PURPLE, SKY, YELLOW
from paper_tasks.evaluation.report import EvaluationReport, Measured, ReliabilityBin
from paper_tasks.io import atomic

# Color, marker and line: of baselines in the table's order, and of models, the shipped one first. They also differ
# without color.
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
# A line has a point for each group of tasks with about as many training papers.
GROUPS = 6


def write(report: EvaluationReport, per_task: pd.DataFrame, folder: Path) -> None:
    """Writes `f1_by_frequency.png`, `recall.png` and, if a system gives probabilities, `reliability.png`.

    per_task: the table of `per_task.csv`.
    """
    with matplotlib.rc_context(LOOK):
        figures = {"f1_by_frequency": f1_by_frequency(report, per_task), "recall": recall_bars(report)}
        if report.reliability:
            figures["reliability"] = reliability_diagram(report)
        for name, figure in figures.items():
            save(figure, folder / f"{name}.png")


def save(figure: Figure, path: Path) -> None:
    """Writes a plot as PNG."""
    with atomic.write_atomic(path) as partial:
        # No date and no version: the same report gives the same file.
        figure.savefig(partial, format="png", dpi=100, metadata={"Software": None})


def f1_by_frequency(report: EvaluationReport, per_task: pd.DataFrame) -> Figure:
    """A line for each system, of the mean F1 in groups of tasks by frequency; a dot for each task of the last model."""
    figure = Figure(figsize=(8.5, 4.5))
    axes = figure.subplots()
    occurring = per_task[per_task["papers"] > 0].sort_values("train papers", kind="stable")
    parts = np.array_split(np.arange(len(occurring)), min(GROUPS, len(occurring)))
    groups = [occurring.iloc[rows] for rows in parts]
    frequencies = [group["train papers"].median() for group in groups]
    for system, (color, marker, line) in styles(report).items():
        if system in report.models[-1:]:
            f1, label = occurring[f"f1 {system}"], f"{system}, one task"
            axes.plot(occurring["train papers"], f1, ".", color=color, alpha=0.3, markersize=5, label=label)
        means = [group[f"f1 {system}"].mean() for group in groups]
        axes.plot(frequencies, means, line, marker=marker, color=color, label=system)
    axes.set(
        title="F1 of frequent and rare tasks: lines are means of a sixth of the tasks",
        xlabel="training papers with the task (log scale)",
        ylabel=f"F1 on {report.labels_name}",
        xscale="log",
        ylim=(-0.02, 1.03),
    )
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def recall_bars(report: EvaluationReport) -> Figure:
    """recall@5 of every system, in a panel for each kind of task; lines are 95% intervals."""
    systems = report.systems
    kinds = {name: title for name, title in RECALLS.items() if any(name in scores for scores in systems.values())}
    figure = Figure(figsize=(12, 1.6 + 0.32 * len(systems)))
    panels = np.atleast_1d(figure.subplots(1, max(1, len(kinds)), sharey=True))
    style = styles(report)
    for axes, (name, title) in zip(panels, kinds.items(), strict=False):
        for row, (system, scores) in enumerate(systems.items()):
            if name not in scores:
                axes.text(0.02, row, "–", va="center", color=GREY)
                continue
            low, high = scores.intervals[name]
            errors = [[max(0, scores[name] - low)], [max(0, high - scores[name])]]
            axes.barh(row, scores[name], 0.7, xerr=errors, color=style[system][0], error_kw={"linewidth": 1})
        axes.set(title=title, xlabel="recall@5", xlim=(0, 1.03))
        axes.grid(visible=False, axis="y")
    panels[0].set_yticks(range(len(systems)), systems)
    panels[0].invert_yaxis()
    figure.suptitle("Tasks found among the first five suggestions, with 95% intervals", x=0.01, ha="left")
    return figure


def reliability_diagram(report: EvaluationReport) -> Figure:
    """The share of right labels among the pairs of paper and label with about the same probability; and their number.

    A pale line is of the same papers with every mention of their labels cut out.
    """
    style = styles(report)
    lines = []
    for system, bins in report.reliability.items():
        error = report.systems[system]["calibration_error"]
        lines.append(ReliabilityLine(f"{system}, error {error:.4f}", bins, style[system]))
        masked = report.reliability_masked[system]
        lines.append(ReliabilityLine(f"{system}, names cut out", masked, style[system], is_pale=True))
    return reliability_figure(lines, "labels", "pairs")


class ReliabilityLine(NamedTuple):
    """The bins of one system under its name in the legend. A pale line has no part in the panel of sizes."""

    label: str
    bins: Sequence[ReliabilityBin]
    style: tuple[str, str, str]
    is_pale: bool = False


def reliability_figure(lines: Sequence[ReliabilityLine], judged: str, counted: str) -> Figure:
    """Above, the share that is right at each probability; below, how many there are.

    judged, counted: what the title and the lower panel call them.
    """
    figure = Figure(figsize=(9, 6))
    shares, sizes = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    shares.axline((0, 0), slope=1, color=GREY, linewidth=1, label="perfect calibration")
    for line in lines:
        color, marker, dashes = line.style
        probabilities = [each.mean_probability for each in line.bins]
        right, number = [each.share_right for each in line.bins], [each.pairs for each in line.bins]
        alpha = 0.4 if line.is_pale else 1
        shares.plot(probabilities, right, dashes, marker=marker, color=color, alpha=alpha, label=line.label)
        if not line.is_pale:
            sizes.plot(probabilities, number, dashes, marker=marker, color=color)
    shares.set(
        title=f"Reliability: how often {judged} of a probability are right", ylabel="share that is right", ylim=(0, 1)
    )
    shares.legend(loc="upper left", bbox_to_anchor=(1, 1))
    sizes.set(xlabel="probability", ylabel=f"{counted} (log scale)", yscale="log", xlim=(0, 1))
    return figure


def styles(report: Measured) -> dict[str, tuple[str, str, str]]:
    """Color, marker and line of each system, in the table's order."""
    baselines = [system for system in report.systems if system not in report.models]
    styles = {system: BASELINE_STYLES[index % len(BASELINE_STYLES)] for index, system in enumerate(baselines)}
    for index, system in enumerate(reversed(report.models)):
        styles[system] = MODEL_STYLES[min(index, len(MODEL_STYLES) - 1)]
    return {system: styles[system] for system in report.systems}
