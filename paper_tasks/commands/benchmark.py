"""`paper-tasks bench`, `bench-scale` and `bench-load`: how fast the model and its front ends are."""

import json
from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Option

from paper_tasks.benchmark.options import BenchOptions, LoadOptions, ScaleOptions
from paper_tasks.commands.common import check_apps_are_here
from paper_tasks.entry import PREPARED
from paper_tasks.options import with_options
from paper_tasks.paths import MODEL_DIR


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
    """Measure the speed beside the original's recipe.

    Use a machine with nothing else to do.
    """
    from paper_tasks.benchmark import report as reports
    from paper_tasks.benchmark import speed
    from paper_tasks.evaluation.rendering import update_document

    paths = (table, prepared, model, output, cache)
    report = speed.write_again(output) if write_only else speed.bench(*paths, options)
    if document is not None:
        update_document(document, reports.readme_line(report), speed.MARKS)
    print(reports.page(report), end="")


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
    """Measure one Ray worker against two.

    The document gets estimates of the hours that large collections take.
    """
    from paper_tasks.benchmark import scale
    from paper_tasks.evaluation.rendering import update_document

    if not write_only:
        scale.measure(source, options, results)
    table = scale.measured_table(results)
    update_document(document, table, scale.MARKS)
    print(table, end="")


@with_options
def bench_load(
    front_end: Annotated[Literal["web", "gradio"], Argument(help="The Flask page's API, or the Gradio app.")],
    *,
    options: LoadOptions,
    output: Annotated[Path, Option("--output", "-o", help="Folder to write load_NAME.json to.")] = Path("results"),
) -> None:
    """Measure a front end with many users at once."""
    check_apps_are_here()
    from paper_tasks.benchmark import load

    print(json.dumps(load.measure(front_end, options, output), indent=2))
