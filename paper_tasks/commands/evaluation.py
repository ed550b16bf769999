"""`paper-tasks evaluate` and `original`: a model beside what one would use otherwise."""

from pathlib import Path
from typing import Annotated

from typer import Option

from paper_tasks.commands.common import Prepared
from paper_tasks.entry import PREPARED
from paper_tasks.errors import InputError
from paper_tasks.evaluation.options import EvaluateOptions, OriginalOptions
from paper_tasks.options import with_options
from paper_tasks.paths import MODEL_DIR


@with_options
def evaluate(
    *,
    model: Annotated[
        list[str] | None,
        Option(metavar="NAME=FOLDER", help="An exported model; may be repeated.", show_default="int8=deployment/model"),
    ] = None,
    other: Annotated[
        list[str] | None,
        Option(
            metavar="NAME=FOLDER",
            help="A model that another recipe made, to compare with; may be repeated.",
            show_default=False,
        ),
    ] = None,
    options: EvaluateOptions,
    prepared: Prepared = PREPARED,
    output: Annotated[Path, Option("--output", "-o", help="Folder to write tables and plots to.")] = Path("results"),
    cache: Annotated[
        Path, Option(help="Folder to keep the scores of every system in, for the next evaluation of the same papers.")
    ] = Path("build/scores"),
    write_only: Annotated[
        bool,
        Option(
            "--write-only",
            help="Measure nothing; write all texts again from evaluation.json and read_evaluation.json in --output.",
        ),
    ] = False,
    document: Annotated[
        Path | None,
        Option(help="Write the short table between its marks in this Markdown file too.", show_default=False),
    ] = None,
    card: Annotated[
        Path | None, Option(help="Write the model card of the last model to this file too.", show_default=False)
    ] = None,
) -> None:
    """Compare models and baselines on held-out papers.

    It prints one table, and writes all scores to evaluation.md. Name the model that ships last. The baselines are
    string matching, linear SVMs, Annif (after `make annif`), the similarity of text and task name, and the original's
    recipe (after `paper-tasks original`).

    A folder of read labels has scores of its own, which go to read_evaluation.md. The short table and the card lead
    with them as soon as they are in --output.
    """
    from paper_tasks.data.prepared_folder import read_report
    from paper_tasks.evaluation import tables, written
    from paper_tasks.evaluation.evaluate import evaluate as run
    from paper_tasks.evaluation.read_labels import tables as read_tables
    from paper_tasks.evaluation.read_labels.evaluate import evaluate as run_on_read_labels
    from paper_tasks.evaluation.rendering import update_document

    models, others = _folders("--model", model or [f"int8={MODEL_DIR}"]), _folders("--other", other or [])
    if write_only:
        table = written.write_again(output).table()
    elif read_report(prepared).is_read:
        table = read_tables.main_table(run_on_read_labels(prepared, models, output, options, cache, others))
    else:
        table = tables.all_systems(run(prepared, models, output, options, cache, others))
    reports = written.read(output)
    if document is not None:
        update_document(document, reports.readme_table(), tables.MARKS)
    if card is not None:
        from paper_tasks.evaluation.card import write_card

        write_card(card, [*models.values()][-1], reports.distant, reports.read)
    print(table)


@with_options
def original(
    *,
    options: OriginalOptions,
    prepared: Prepared = PREPARED,
    output: Annotated[Path, Option("--output", "-o", help="Folder to write the model to.")] = Path("models/original"),
) -> None:
    """Train the original project's recipe as a baseline.

    `evaluate` then compares with it. It takes hours on a CPU. After a kill, the same command continues.
    """
    from paper_tasks.evaluation.baselines.original_training import train

    train(prepared, output, options)


def _folders(option: str, entries: list[str]) -> dict[str, Path]:
    """Name to folder, of options that say NAME=FOLDER. Raises InputError for one that does not."""
    folders = {}
    for entry in entries:
        name, separator, folder = entry.partition("=")
        if not (name and separator):
            raise InputError(f"{option} {entry}: write NAME=FOLDER, such as int8=deployment/model.")
        folders[name] = Path(folder)
    return folders
