"""The program `paper-tasks`: one command for each stage. A wrong input gets one sentence and exit code 2.

`--help` loads no command's modules: each command imports what it needs when it runs.
"""

from collections.abc import Callable

import typer

from paper_tasks.commands.benchmark import bench, bench_load, bench_scale
from paper_tasks.commands.data import label, match, prepare
from paper_tasks.commands.evaluation import evaluate, original
from paper_tasks.commands.space import space
from paper_tasks.commands.training import average, export, pretrain, train
from paper_tasks.entry import one_sentence_errors
from paper_tasks.tagging.command import tag

# Each command with an example, in the order of `--help`.
COMMANDS: list[tuple[Callable[..., None], str]] = [
    (tag, '--title "Faster person detection" --abstract "We ..."'),
    (match, "csv_files/papers.csv --output csv_files/matched.csv"),
    (label, "csv_files/papers.csv --output csv_files/mine.jsonl"),
    (prepare, "csv_files/papers.csv --min-papers 30"),
    (pretrain, "--backbone minilm --budget-minutes 60"),
    (train, "--backbone minilm --budget-minutes 60"),
    (average, "models/first models/second --output models/both"),
    (export, "--model models/latest --output deployment/model"),
    (evaluate, "--model int8=deployment/model --split dev"),
    (original, "--epochs 1"),
    (bench, "--papers 200 --rounds 1"),
    (bench_scale, "csv_files/sample_papers.csv --papers 200"),
    (bench_load, "web --users 50 --seconds 60"),
    (space, "build/space"),
]

app = typer.Typer(
    name="paper-tasks",
    help="Name the tasks that machine-learning papers work on, and train the model that does it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command, example in COMMANDS:
    name = command.__name__.replace("_", "-")
    app.command(name, epilog=f"Example: paper-tasks {name} {example}")(command)


def main() -> None:
    """Runs the command that the arguments name, and exits."""
    with one_sentence_errors():
        app(prog_name=app.info.name)
