"""What the four notebooks share: steps that fail with one sentence, one look for all plots, a word on the sample."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib.pyplot as plt

from paper_tasks.errors import InputError
from paper_tasks.evaluation.palette import LOOK
from paper_tasks.io import encoder, tables

SAMPLE = "sample_papers"


class StepFailed(Exception):
    """A step of a notebook could not go on: which one, why, and what to do. Jupyter shows it without a traceback."""

    def _render_traceback_(self) -> list[str]:
        """IPython's protocol for exceptions that say themselves how they are shown."""
        return [f"{type(self).__name__}: {self}"]


@contextmanager
def step(name: str) -> Iterator[None]:
    """Names what a cell does. Raises StepFailed, one sentence, for input that a person can mend.

    Any other exception keeps its traceback and gets a last line that names the step and what to do.
    """
    try:
        yield
    except InputError as error:
        raise StepFailed(f"Step '{name}' stopped. {error}") from error
    except Exception as error:
        error.add_note(
            f"This was step '{name}'. What to do: restart the kernel and run the notebook from its first cell, "
            "after those before it; if it fails again, report the lines above."
        )
        raise


def start() -> None:
    """One look for every plot made after this, and none of the warnings that every run of ours sets off.

    Call it before torch, transformers or fastai is imported.
    """
    for message in (
        "IProgress not found",
        "Converting a tensor to a Python boolean",
        "Exporting aten::index operator",
        "You are using the legacy TorchScript-based ONNX export",
    ):
        warnings.filterwarnings("ignore", message=message)
    # onnxruntime's quantizer asks for a step of preparation that the optimised graphs had.
    logging.getLogger().addFilter(lambda record: "pre-processing before quantization" not in record.getMessage())
    plt.rcParams.update(LOOK)


def written_by(notebook: str, folder: Path) -> Path:
    """`folder`. Raises InputError if the notebook of that name has not written it."""
    if not folder.is_dir():
        raise InputError(f"{folder} is not there: run {notebook}.ipynb first, with the same output_folder.")
    return folder


def first_rows(source: Path, rows: int | None, folder: Path) -> Path:
    """A table of the first `rows` papers of `source`, written to `folder`; `source` itself where `rows` is None.

    Raises InputError for a table that cannot be read, or `rows` below 1.
    """
    if rows is None:
        return source
    if rows < 1:
        raise InputError(f"rows is {rows}; it must be at least 1, or None for all.")
    papers = tables.read_table(source)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"first_{rows}_of_{source.name.partition('.')[0]}.csv"
    encoder.write_table(path, papers[:rows])
    return path


def caveat(source: str) -> str:
    """What must be said of every score on papers from a file of this name; "" if nothing must."""
    if SAMPLE not in source:
        return ""
    return (
        f"These papers come from {SAMPLE}.csv, a few hundred texts written to try the code on. "
        "Scores on them show that a step works, not how good a model is."
    )
