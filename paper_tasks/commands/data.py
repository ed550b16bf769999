"""`paper-tasks match`, `label` and `prepare`: from a table of papers to splits for training."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from paper_tasks.data.options import PrepareOptions
from paper_tasks.entry import PREPARED
from paper_tasks.errors import InputError
from paper_tasks.options import command_arguments, with_options
from paper_tasks.tagging.options import ModelOptions

# pandas takes a second to import.
if TYPE_CHECKING:
    from paper_tasks.data.prepared_folder import PreparationReport


def match(
    source: Annotated[Path, Argument(metavar="INPUT", help="Table with title and abstract; optionally keywords.")],
    output: Annotated[Path, Option("--output", "-o", help="CSV to write.")],
) -> None:
    """Match papers with the tasks that they name.

    These are distant labels: a task is a label if title, abstract or keywords name it.
    """
    from paper_tasks.data.distant_labels import label_file

    print(f"{label_file(source, output):,} papers got a task in {output}.")


@with_options
def label(
    source: Annotated[Path, Argument(metavar="INPUT", help="Table with title and abstract.")],
    output: Annotated[Path, Option("--output", "-o", help="JSON Lines to add labels to: id, title, main and ok.")],
    *,
    pool: Annotated[
        int, Option(min=1, help="Papers without a label that the model ranks, to start with the least sure.")
    ] = 2000,
    port: Annotated[int, Option(min=1, max=65_535, help="Port of this machine to serve the page at.")] = 7861,
    model_options: ModelOptions,
) -> None:
    """Label papers by reading, on a page in the browser.

    The page shows one paper. You choose the tasks that it works on, and those that fit too. Once your choice is saved,
    the page shows the model's beside it. The same command continues where you stopped.
    """
    from paper_tasks.labelling.journal import open_journal
    from paper_tasks.labelling.page import HOST, Reader, serve
    from paper_tasks.labelling.papers import least_sure_first, read_papers

    found = read_papers(source)
    with open_journal(output) as journal:
        papers = [paper for paper in found if paper.id not in journal.ids]
        if not papers:
            raise InputError(f"All papers of {source} have a label in {output}; name another table.")
        ordered = least_sure_first(papers[:pool], model_options.load(bulk=True))
        page = serve(Reader(ordered, journal, model_options.load()), port)
        print(f"Read and label at http://{HOST}:{port} (Ctrl-C ends it).", flush=True)
        page.block_thread()


@with_options
def prepare(
    sources: Annotated[
        list[Path] | None,
        Argument(
            metavar="[PAPERS]...",
            help="A table with title and abstract; optionally tasks and keywords. With --read-labels any number.",
            show_default=False,
        ),
    ] = None,
    *,
    read_labels: Annotated[
        list[Path] | None,
        Option(
            metavar="PATH",
            help="Labels made by reading: a table with title, main and ok, or a folder with one for each split.",
            show_default=False,
        ),
    ] = None,
    positives: Annotated[
        list[Path] | None,
        Option(
            metavar="TABLE",
            help="Beside --read-labels, right tasks of papers that may have more: title and tasks; may be repeated.",
            show_default=False,
        ),
    ] = None,
    unlabelled: Annotated[
        int, Option(min=0, help="Beside --read-labels, papers without a label that the fast tier may learn from.")
    ] = 40_000,
    output: Annotated[Path, Option("--output", "-o", help="Folder to write the splits to.")] = PREPARED,
    options: PrepareOptions,
) -> None:
    """Label, filter and split papers for training.

    Papers without tasks are labelled. Rare tasks and duplicate papers are dropped. The rest is split into train, dev
    and test. With --read-labels, all tasks stay, and PAPERS are searched for the abstracts of the labelled papers.
    """
    if read_labels:
        _prepare_read(sources or [], read_labels, positives or [], unlabelled, output, options)
        return
    if positives:
        raise InputError("--positives go beside --read-labels; give that too.")
    if not sources or len(sources) > 1:
        raise InputError("Give one table of papers to label; several go with --read-labels.")
    from paper_tasks.data.prepare import prepare as run

    report = run(sources[0], output, options)
    print(
        f"{report.papers_read:,} papers read, {report.duplicates_dropped:,} duplicates dropped, "
        f"{report.papers_without_a_kept_task_dropped:,} without one of {report.tasks_kept} tasks."
    )
    _print_sizes(report, output)


def _prepare_read(
    sources: list[Path],
    labels: list[Path],
    positives: list[Path],
    unlabelled: int,
    output: Path,
    options: PrepareOptions,
) -> None:
    if unused := command_arguments(options):
        raise InputError(f"{unused[0]} does not go with --read-labels, whose papers keep all tasks and their splits.")
    from paper_tasks.data import vocabulary
    from paper_tasks.data.read_labels import prepare_read

    report = prepare_read(sources, labels, output, positives, unlabelled)
    found = report.papers_read - report.papers_without_a_word_dropped
    print(
        f"{report.papers_read:,} labels read, {found:,} with an abstract, "
        f"{report.duplicates_dropped:,} of papers that came before or are held out."
    )
    if outside := [name for name in report.papers_per_task if name not in vocabulary.index()]:
        print(
            f"Not in the vocabulary: {', '.join(outside[:3])}{' and more' * (len(outside) > 3)}. "
            f"So a model of these papers knows their {report.tasks_kept:,} tasks alone."
        )
    _print_sizes(report, output)


def _print_sizes(report: "PreparationReport", output: Path) -> None:
    print(f"In {output}: train {report.papers_train:,}, dev {report.papers_dev:,}, test {report.papers_test:,}.")
