"""The command line of the scrapers: one command a source."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

app = typer.Typer(
    name="python -m scrapers",
    help="Collect papers into a CSV that python -m paper_tasks prepare reads.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def _commands() -> None:
    """Collect papers into a CSV that python -m paper_tasks prepare reads."""


@app.command(epilog="Example: python -m scrapers archive --since 2020 --output csv_files/papers.csv")
def archive(
    dump: Annotated[
        list[Path] | None,
        Argument(help="Local files of the dump, .parquet or .json.gz. Default: fetch them.", show_default=False),
    ] = None,
    output: Annotated[Path, Option("--output", "-o", help="CSV to write.")] = Path("csv_files/papers.csv"),
    downloads: Annotated[Path, Option(help="Folder for the fetched files, 580 MB.")] = Path("csv_files/archive"),
    since: Annotated[int | None, Option(help="Only papers of this year and later.", show_default=False)] = None,
    area: Annotated[
        str | None, Option(help='Only papers with a method of this area ("Computer Vision").', show_default=False)
    ] = None,
) -> None:
    """Papers with Code's last dump, with the labels it had: 576,261 papers."""
    from scrapers import archive as source
    from scrapers.schema import write_csv

    papers = write_csv(output, source.papers(dump or source.download(downloads), since, area))
    print(f"{papers:,} papers in {output}.")


def main() -> None:
    """Runs the command that the arguments name; what goes wrong outside is told in a sentence, with exit code 2."""
    from scrapers.archive import SourceError

    try:
        app()
    except (SourceError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("Interrupted; the same command goes on where it was.", file=sys.stderr)
        sys.exit(130)
