"""`paper-tasks pretrain`, `train`, `average` and `export`: from splits to a model that ships."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from paper_tasks.commands.common import Overwrite, Prepared, Resume
from paper_tasks.entry import PREPARED
from paper_tasks.options import with_options
from paper_tasks.paths import MODEL_DIR
from paper_tasks.training.options import PretrainOptions, TrainOptions


@with_options
def pretrain(
    *,
    output: Annotated[Path, Option("--output", "-o", help="Folder to write the encoder to.")] = Path("models/phrases"),
    prepared: Prepared = PREPARED,
    options: PretrainOptions,
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Teach an encoder which phrases were cut from papers.

    It reads the papers of the train split, and those without a task. Then run `train --backbone OUTPUT`.
    """
    from paper_tasks.training.pretrain import pretrain as run

    record = run(prepared, output, options, resume=resume, overwrite=overwrite)
    print(
        f"{record.different_phrases:,} phrases in {record.texts:,} texts, which were read "
        f"{record.papers_seen:,} times in {record.minutes} minutes. Encoder in {output}."
    )


@with_options
def train(
    *,
    output: Annotated[Path, Option("--output", "-o", help="Folder to write the model to.")] = Path("models/latest"),
    prepared: Prepared = PREPARED,
    options: TrainOptions,
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Fine-tune an encoder on the train split.

    First only the head learns, then all layers.
    """
    from paper_tasks.training.finetune import train as run

    training = run(prepared, output, options, resume=resume, overwrite=overwrite)
    scores = training.dev
    assert scores is not None  # a finished training has been scored
    print(
        f"{training.papers_seen:,} papers in {training.minutes} minutes; on {scores.papers:,} of dev "
        f"micro-F1 {scores.micro_f1:.3f}, macro-F1 {scores.macro_f1:.3f}. Model in {output}."
    )


def average(
    models: Annotated[list[Path], Argument(help="Folders that `train` wrote, from one backbone and the same papers.")],
    output: Annotated[Path, Option("--output", "-o", help="Folder to write the model to.")] = Path("models/latest"),
    overwrite: Overwrite = False,
) -> None:
    """Average the weights of models that started alike.

    The average is nearly as good as all models together, at the cost of one.
    """
    from paper_tasks.training.averaging import average as run

    training = run(models, output, overwrite=overwrite)
    print(f"The average of {len(models)} models, which read {training.papers_seen:,} papers in total, is in {output}.")


def export(
    model: Annotated[Path, Option(help="Folder that `train` wrote.")] = Path("models/latest"),
    prepared: Prepared = PREPARED,
    output: Annotated[Path, Option("--output", "-o", help="Folder to write the int8 model to.")] = MODEL_DIR,
    max_length: Annotated[
        int | None,
        Option(min=8, help="Tokens of a paper that the encoder reads at most.", show_default="as in training"),
    ] = None,
) -> None:
    """Calibrate a model and quantize it to int8 ONNX.

    It prints the scores of fp32, int8 and the fast tier side by side.
    """
    from paper_tasks.export.export import export as run

    scores = run(model, prepared, output, max_length)
    print(f"{'on held-out papers':<20}" + "".join(f"{name:>8}" for name in scores))
    for score in scores["fp32"]:
        print(f"{score:<20}" + "".join(f"{of_tier[score]:>8.4f}" for of_tier in scores.values()))
