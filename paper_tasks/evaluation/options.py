"""The options of `paper-tasks evaluate` and `original`; a module of its own, so that `--help` needs no scikit-learn."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from typer import Option

# The original's own schedule: epochs with the encoder frozen, and epochs of all layers.
FROZEN_EPOCHS, EPOCHS = 2, 3
# `paper-tasks original` writes its model to this folder.
ORIGINAL = Path("models/original")


@dataclass(frozen=True)
class EvaluateOptions:
    """What an evaluation measures besides the models. `baselines` None means all."""

    split: Annotated[
        Literal["train", "dev", "test"],
        Option(help="Split to measure on: dev during development, test for the final result."),
    ] = "test"
    rows: Annotated[
        int | None, Option(min=1, metavar="N", help="Measure only the first N papers.", show_default="all")
    ] = None
    baselines: Annotated[
        list[str] | None,
        Option("--baseline", help="Name of a baseline, as in the table; may be repeated.", show_default="all"),
    ] = None
    original: Annotated[Path, Option(help="Folder of the original's recipe, which `paper-tasks original` trained.")] = (
        ORIGINAL
    )


@dataclass(frozen=True)
class OriginalOptions:
    """The schedule of the original's recipe. `backbone` is a folder with an encoder; None means all-MiniLM-L6-v2."""

    frozen_epochs: Annotated[int, Option(min=1, help="Epochs of the last layer alone.")] = FROZEN_EPOCHS
    epochs: Annotated[int, Option(min=1, help="Epochs of all layers.")] = EPOCHS
    backbone: str | None = None
