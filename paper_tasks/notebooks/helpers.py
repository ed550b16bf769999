"""What the four notebooks share: steps that fail with one sentence, the look of plots, a caveat on the sample."""

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
    """A step of a notebook failed: which one, why, and what to do. Jupyter shows it without a traceback."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback."""
        return [f"{type(self).__name__}: {self}"]


@contextmanager
def step(name: str) -> Iterator[None]:
    """Names the step that a cell does. Turns an InputError into a StepFailed of one sentence.

    Any other exception keeps its traceback, and gets a note that names the step and what to do.
    """
    try:
        yield
    except InputError as error:
        raise StepFailed(f"Step '{name}' stopped. {error}") from error
    except Exception as error:
        error.add_note(
            f"This was step '{name}'. What to do: run the notebooks before this one, restart the kernel, and run this "
            "notebook from its first cell; if it fails again, report the lines above."
        )
        raise


def start() -> None:
    """Sets the look of all plots, and hides the warnings that every run causes.

    Call it before the import of torch, transformers or fastai.
    """
    for message in (
        "IProgress not found",
        "Converting a tensor to a Python boolean",
        "Exporting aten::index operator",
        "You are using the legacy TorchScript-based ONNX export",
    ):
        warnings.filterwarnings("ignore", message=message)
    # onnxruntime's quantizer asks for a preparation that the optimized graphs already have.
    logging.getLogger().addFilter(lambda record: "pre-processing before quantization" not in record.getMessage())
    plt.rcParams.update(LOOK)


def written_by(notebook: str, folder: Path) -> Path:
    """Returns `folder`. Raises InputError if it is missing because the notebook of that name has not run."""
    if not folder.is_dir():
        raise InputError(f"{folder} is missing: run {notebook}.ipynb first, with the same output_folder.")
    return folder


def first_rows(source: Path, rows: int | None, folder: Path) -> Path:
    """Writes the first `rows` papers of `source` to a table in `folder`, and returns its path; None means all.

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
    """A warning about scores on papers from a file of this name; empty if there is nothing to warn of."""
    if SAMPLE not in source:
        return ""
    return (
        f"These papers come from {SAMPLE}.csv, a few hundred texts that were written to try the code. "
        "Scores on them show that a step works, not how good a model is."
    )
