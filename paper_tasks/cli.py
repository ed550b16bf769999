"""The command line: one command a stage. A wrong input is told in one sentence, with exit code 2."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from typer import Argument, Option

from paper_tasks.benchmark.options import BenchOptions, LoadOptions, ScaleOptions
from paper_tasks.data.options import PrepareOptions
from paper_tasks.entry import PREPARED, one_sentence_errors
from paper_tasks.errors import InputError
from paper_tasks.evaluation.options import EvaluateOptions, OriginalOptions
from paper_tasks.options import with_options
from paper_tasks.paths import MODEL_DIR
from paper_tasks.tagging.command import tag
from paper_tasks.training.options import PretrainOptions, TrainOptions

# Modules are imported where they are used: `tag` starts without torch, `--help` without anything.
app = typer.Typer(
    name="python -m paper_tasks",
    help="Which machine-learning tasks does a paper work on? A command for each stage, from a CSV to tags.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Prepared = Annotated[Path, Option("--prepared", help="Folder that `prepare` wrote.")]
Resume = Annotated[bool, Option("--resume", help="Go on from the last checkpoint in the output folder.")]
Overwrite = Annotated[bool, Option("--overwrite", help="Replace what is in the output folder.")]


app.command(epilog='Example: python -m paper_tasks tag --title "Faster person detection" --abstract "We ..."')(tag)


@app.command(epilog="Example: python -m paper_tasks label csv_files/papers.csv --output csv_files/labelled.csv")
def label(
    source: Annotated[Path, Argument(metavar="INPUT", help="Table with title and abstract, perhaps keywords.")],
    output: Annotated[Path, Option("--output", "-o", help="CSV to write.")],
) -> None:
    """Label papers with the tasks that their title, abstract or keywords name (distant labels)."""
    from paper_tasks.data.distant_labels import label_file

    print(f"{label_file(source, output):,} papers got a task in {output}.")


@app.command(epilog="Example: python -m paper_tasks prepare csv_files/papers.csv --min-papers 30")
@with_options
def prepare(
    source: Annotated[Path, Argument(metavar="INPUT", help="Table with title and abstract, perhaps tasks, keywords.")],
    *,
    output: Annotated[Path, Option("--output", "-o", help="Folder to write the splits to.")] = PREPARED,
    options: PrepareOptions,
) -> None:
    """Label papers that have no tasks, drop rare tasks and duplicate papers, split into train, dev and test."""
    from paper_tasks.data.prepare import prepare as run

    report = run(source, output, options)
    print(
        f"{report.papers_read:,} papers read, {report.duplicates_dropped:,} duplicates dropped, "
        f"{report.papers_without_a_kept_task_dropped:,} without one of {report.tasks_kept} tasks.\n"
        f"In {output}: train {report.papers_train:,}, dev {report.papers_dev:,}, test {report.papers_test:,}."
    )


@app.command(epilog="Example: python -m paper_tasks pretrain --backbone minilm --budget-minutes 60")
@with_options
def pretrain(
    *,
    output: Annotated[Path, Option("--output", "-o", help="Folder to write the encoder to.")] = Path("models/phrases"),
    prepared: Prepared = PREPARED,
    options: PretrainOptions,
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Pretrain an encoder to find the phrases that were cut from papers; then `train --backbone OUTPUT`.

    It reads the papers of the train split, and those without a task.
    """
    from paper_tasks.training.pretrain import pretrain as run

    record = run(prepared, output, options, resume=resume, overwrite=overwrite)
    print(
        f"{record.different_phrases:,} phrases in {record.texts:,} texts, which were read "
        f"{record.papers_seen:,} times in {record.minutes} minutes. Encoder in {output}."
    )


@app.command(epilog="Example: python -m paper_tasks train --backbone minilm --budget-minutes 60")
@with_options
def train(
    *,
    output: Annotated[Path, Option("--output", "-o", help="Folder to write the model to.")] = Path("models/latest"),
    prepared: Prepared = PREPARED,
    options: TrainOptions,
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Fine-tune an encoder on the train split: first the head, then everything."""
    from paper_tasks.training.finetune import train as run

    training = run(prepared, output, options, resume=resume, overwrite=overwrite)
    scores = training.dev
    assert scores is not None  # a finished training has been scored
    print(
        f"{training.papers_seen:,} papers in {training.minutes} minutes; on {scores.papers:,} of dev "
        f"micro-F1 {scores.micro_f1:.3f}, macro-F1 {scores.macro_f1:.3f}. Model in {output}."
    )


@app.command(epilog="Example: python -m paper_tasks average models/first models/second --output models/both")
def average(
    models: Annotated[list[Path], Argument(help="Folders that `train` wrote, from one backbone and the same papers.")],
    output: Annotated[Path, Option("--output", "-o", help="Folder to write the model to.")] = Path("models/latest"),
    overwrite: Overwrite = False,
) -> None:
    """Average the weights of models that started alike: nearly as good as all of them together, at the cost of one."""
    from paper_tasks.training.averaging import average as run

    training = run(models, output, overwrite=overwrite)
    print(f"{len(models)} models, {training.papers_seen:,} papers seen between them. Their average is in {output}.")


@app.command(epilog="Example: python -m paper_tasks export --model models/latest --output deployment/model")
def export(
    model: Annotated[Path, Option(help="Folder that `train` wrote.")] = Path("models/latest"),
    prepared: Prepared = PREPARED,
    output: Annotated[Path, Option("--output", "-o", help="Folder to write the int8 model to.")] = MODEL_DIR,
    max_length: Annotated[
        int | None,
        Option(min=8, help="Tokens of a paper that the encoder reads at most.", show_default="as in training"),
    ] = None,
) -> None:
    """Calibrate, quantize to int8 ONNX, and print the scores of fp32, int8 and the fast tier side by side."""
    from paper_tasks.export.export import export as run

    scores = run(model, prepared, output, max_length)
    print(f"{'on held-out papers':<20}" + "".join(f"{name:>8}" for name in scores))
    for score in scores["fp32"]:
        print(f"{score:<20}" + "".join(f"{of_tier[score]:>8.4f}" for of_tier in scores.values()))


@app.command(epilog="Example: python -m paper_tasks evaluate --model int8=deployment/model --split dev")
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
        bool, Option("--write-only", help="Measure nothing; write all texts again from evaluation.json in --output.")
    ] = False,
    document: Annotated[
        Path | None,
        Option(help="Write the short table between its marks in this Markdown file too.", show_default=False),
    ] = None,
    card: Annotated[
        Path | None, Option(help="Write the model card of the last model to this file too.", show_default=False)
    ] = None,
) -> None:
    """Measure exported models and baselines on held-out papers: one table, and all scores in evaluation.md.

    Name the model that ships last. The baselines are string matching, linear SVMs, Annif (after `make annif`), the
    similarity of text and task name, and the original's recipe (after `paper-tasks original`).
    """
    from paper_tasks.evaluation import results, tables
    from paper_tasks.evaluation.evaluate import evaluate as run
    from paper_tasks.evaluation.rendering import update_document

    models, others = _folders("--model", model or [f"int8={MODEL_DIR}"]), _folders("--other", other or [])
    report = results.write_again(output) if write_only else run(prepared, models, output, options, cache, others)
    if document is not None:
        update_document(document, tables.readme_table(report), tables.MARKS)
    if card is not None:
        from paper_tasks.evaluation.card import write_card

        write_card(card, [*models.values()][-1], report)
    print(tables.all_systems(report))


@app.command(epilog="Example: python -m paper_tasks original --epochs 1")
@with_options
def original(
    *,
    options: OriginalOptions,
    prepared: Prepared = PREPARED,
    output: Annotated[Path, Option("--output", "-o", help="Folder to write the model to.")] = Path("models/original"),
) -> None:
    """Train the original project's recipe, for `evaluate` to compare with: hours on a CPU; killed, it continues."""
    from paper_tasks.evaluation.baselines.original_training import train

    train(prepared, output, options)


@app.command(epilog="Example: python -m paper_tasks bench --papers 200 --rounds 1")
@with_options
def bench(
    *,
    options: BenchOptions,
    table: Annotated[Path, Option(help="Table of papers to tag.")] = PREPARED / "test.csv",
    prepared: Annotated[
        Path, Option("--prepared", help="Folder that `prepare` wrote, for Annif to learn from.")
    ] = PREPARED,
    model: Annotated[Path, Option(help="Folder of an exported model.")] = MODEL_DIR,
    output: Annotated[Path, Option("--output", "-o", help="Folder to write figures and plot to.")] = Path("results"),
    cache: Annotated[Path, Option(help="Folder to keep what was built and trained to compare with.")] = Path(
        "build/bench"
    ),
    write_only: Annotated[
        bool, Option("--write-only", help="Measure nothing; write all texts again from bench.json in --output.")
    ] = False,
    document: Annotated[
        Path | None,
        Option(help="Write the README's sentence on speed between its marks in this file.", show_default=False),
    ] = None,
) -> None:
    """Measure the speed of the shipped model beside the original's recipe, on a machine with nothing else to do."""
    from paper_tasks.benchmark import report as reports
    from paper_tasks.benchmark import speed
    from paper_tasks.evaluation.rendering import update_document

    paths = (table, prepared, model, output, cache)
    report = speed.write_again(output) if write_only else speed.bench(*paths, options)
    if document is not None:
        update_document(document, reports.readme_line(report), speed.MARKS)
    print(reports.page(report), end="")


@app.command(
    "bench-scale", epilog="Example: python -m paper_tasks bench-scale csv_files/sample_papers.csv --papers 200"
)
@with_options
def bench_scale(
    source: Annotated[Path, Argument(metavar="INPUT", help="Table of papers to tag.")] = Path(
        "csv_files/sample_papers.csv"
    ),
    *,
    options: ScaleOptions,
    results: Annotated[Path, Option(help="Folder of scale.json and bench.json.")] = Path("results"),
    write_only: Annotated[
        bool, Option("--write-only", help="Measure nothing; write the document again from the JSON files.")
    ] = False,
    document: Annotated[Path, Option(help="Markdown file with the marks between which the table goes.")] = Path(
        "docs/scale.md"
    ),
) -> None:
    """Measure one worker against two on a Ray cluster, and estimate the hours of large collections from it."""
    from paper_tasks.benchmark import scale
    from paper_tasks.evaluation.rendering import update_document

    if not write_only:
        scale.measure(source, options, results)
    table = scale.measured_table(results)
    update_document(document, table, scale.MARKS)
    print(table, end="")


@app.command("bench-load", epilog="Example: python -m paper_tasks bench-load web --users 50 --seconds 60")
@with_options
def bench_load(
    front_end: Annotated[Literal["web", "gradio"], Argument(help="The Flask page's API, or the Gradio app.")],
    *,
    options: LoadOptions,
    output: Annotated[Path, Option("--output", "-o", help="Folder to write load_NAME.json to.")] = Path("results"),
) -> None:
    """Measure a front end that many users ask at the same time."""
    import json

    from paper_tasks.benchmark import load

    print(json.dumps(load.measure(front_end, options, output), indent=2))


def _folders(option: str, entries: list[str]) -> dict[str, Path]:
    """Name to folder, of options that say NAME=FOLDER. Raises InputError for one that does not."""
    folders = {}
    for entry in entries:
        name, separator, folder = entry.partition("=")
        if not (name and separator):
            raise InputError(f"{option} {entry}: write NAME=FOLDER, such as int8=deployment/model.")
        folders[name] = Path(folder)
    return folders


def main() -> None:
    """Runs the command that the arguments name, and exits."""
    with one_sentence_errors():
        app()
