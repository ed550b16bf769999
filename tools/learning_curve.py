"""What labels made by reading buy: the same training on more and more of them, measured on the same papers.

Usage: python -m tools.learning_curve PREPARED --start-from MODEL        (two to three hours on two cores)

A size that has been measured is not trained again. Writes results/learning_curve.json and results/learning_curve.png.
"""

import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import matplotlib
import pandas as pd
import typer
from matplotlib.figure import Figure
from typer import Argument, Option

from paper_tasks.data.prepared_folder import READ, read_report, read_split
from paper_tasks.errors import InputError
from paper_tasks.evaluation.options import EvaluateOptions
from paper_tasks.evaluation.palette import BLUE, LOOK, ORANGE
from paper_tasks.evaluation.read_labels.evaluate import evaluate
from paper_tasks.export.export import export
from paper_tasks.io import atomic, encoder
from paper_tasks.training.finetune import train
from paper_tasks.training.options import TrainOptions

ROOT = Path(__file__).parents[1]
SIZES = (600, 2000, 5000, 8400, 15200)
# The recipe of `make read-labels`.
RECIPE = TrainOptions(
    backbone="minilm",
    batch_size=16,
    learning_rate=4e-4,
    lower_divisor=10.0,
    epochs=2,
    short_length=112,
    max_length=160,
    mask_rate=0.15,
    warmup_share=0.05,
    seed=23,
)


def subset(prepared_dir: Path, papers: int, output_dir: Path) -> None:
    """A prepared folder with the same held-out papers, and only so many read papers to train on, drawn by their ids."""
    shutil.copytree(prepared_dir, output_dir, ignore=shutil.ignore_patterns("train.csv", "unlabelled.csv"))
    train_papers = read_split(prepared_dir, "train")
    read = train_papers[train_papers["labels"] == READ].sort_values("id")
    if papers > len(read):
        raise InputError(f"{prepared_dir} has {len(read):,} read papers to train on, not {papers:,}; give fewer.")
    encoder.write_table(output_dir / "train.csv", read[:papers])


def measure(prepared_dir: Path, papers: int, start_from: Path) -> dict[str, dict[str, Any]]:
    """The scores, by set, of an int8 model trained on so many read papers."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        subset(prepared_dir, papers, folder / "prepared")
        train(folder / "prepared", folder / "model", replace(RECIPE, start_from=str(start_from)))
        export(folder / "model", folder / "prepared", folder / "int8")
        options = EvaluateOptions(baselines=[])
        report = evaluate(prepared_dir, {"int8": folder / "int8"}, folder / "results", options)
    return {name: report.on(name)["int8"].to_json() for name in report.sets}


def plot(measured: dict[str, dict[str, dict[str, Any]]]) -> Figure:
    """F1 and recall@5 of read papers, by the number of papers that readers labelled."""
    sizes = sorted(map(int, measured))
    with matplotlib.rc_context(LOOK):
        figure = Figure()
        axes = figure.subplots()
        for score, name, color in (("recall_at_5", "recall@5", ORANGE), ("f1", "F1", BLUE)):
            scores = [measured[str(size)][READ][score] for size in sizes]
            axes.plot(sizes, scores, "o-", label=name, color=color)
        axes.set(xlabel="papers labelled by reading", title="Scores on read test papers", xscale="log")
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axes.minorticks_off()
        axes.legend()
    return figure


def main(
    prepared: Annotated[Path, Argument(help="What prepare --read-labels wrote.")],
    start_from: Annotated[Path, Option(help="The model that every training starts from.")],
    sizes: Annotated[list[int] | None, Option(help="Numbers of read papers.")] = None,
    output: Annotated[Path, Option(help="Folder for the results.")] = ROOT / "results",
) -> None:
    """Train on more and more read labels, and plot the scores."""
    if not read_report(prepared).is_read:
        raise InputError(f"{prepared} has no labels made by reading; see paper-tasks prepare --read-labels.")
    path = output / "learning_curve.json"
    measured = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for size in sizes or SIZES:
        if str(size) not in measured:
            measured[str(size)] = measure(prepared, size, start_from)
            atomic.write_json(path, measured)
            print(pd.Series(measured[str(size)][READ]).round(3).to_dict(), flush=True)
    plot(measured).savefig(output / "learning_curve.png", dpi=150)


if __name__ == "__main__":
    typer.run(main)
