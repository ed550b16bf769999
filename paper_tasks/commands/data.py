"""`paper-tasks label` and `prepare`: from a table of papers to splits for training."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from paper_tasks.data.options import PrepareOptions
from paper_tasks.entry import PREPARED
from paper_tasks.options import with_options


def label(
    source: Annotated[Path, Argument(metavar="INPUT", help="Table with title and abstract; optionally keywords.")],
    output: Annotated[Path, Option("--output", "-o", help="CSV to write.")],
) -> None:
    """Label papers with the tasks that they name.

    These are distant labels: a task is a label if title, abstract or keywords name it.
    """
    from paper_tasks.data.distant_labels import label_file

    print(f"{label_file(source, output):,} papers got a task in {output}.")


@with_options
def prepare(
    source: Annotated[
        Path, Argument(metavar="INPUT", help="Table with title and abstract; optionally tasks and keywords.")
    ],
    *,
    output: Annotated[Path, Option("--output", "-o", help="Folder to write the splits to.")] = PREPARED,
    options: PrepareOptions,
) -> None:
    """Label, filter and split papers for training.

    Papers without tasks are labelled. Rare tasks and duplicate papers are dropped. The rest is split into train, dev
    and test.
    """
    from paper_tasks.data.prepare import prepare as run

    report = run(source, output, options)
    print(
        f"{report.papers_read:,} papers read, {report.duplicates_dropped:,} duplicates dropped, "
        f"{report.papers_without_a_kept_task_dropped:,} without one of {report.tasks_kept} tasks.\n"
        f"In {output}: train {report.papers_train:,}, dev {report.papers_dev:,}, test {report.papers_test:,}."
    )
