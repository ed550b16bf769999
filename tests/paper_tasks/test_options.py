import inspect
from dataclasses import dataclass, field
from typing import Annotated, Literal

import pytest
import typer
from typer.testing import CliRunner

from paper_tasks.options import annotations, command_arguments, from_record, with_options


@dataclass(frozen=True)
class Recipe:
    seed: Annotated[int, typer.Option(min=0, max=9, help="Number of the random generator.")]
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the papers.")] = 3
    budget_minutes: Annotated[float | None, typer.Option(help="Wall-clock minutes.")] = None
    freeze: Annotated[bool, typer.Option("--freeze", help="Train the head alone.")] = False
    device: Annotated[Literal["cpu", "cuda"], typer.Option(help="What trains.")] = "cpu"
    tags: Annotated[list[str], typer.Option("--tag", "-t", help="May be repeated.")] = field(default_factory=list)
    weight_decay: float = 0.01


def run(*arguments):
    """Exit code, output, and what the command was called with."""
    app, calls = typer.Typer(add_completion=False, rich_markup_mode=None), []

    @app.command()
    @with_options
    def train(
        papers: Annotated[str, typer.Argument(help="A table.")],
        recipe: Recipe,
        output: Annotated[str, typer.Option("--output", "-o", help="A folder.")] = "models",
    ) -> None:
        """Trains a model."""
        calls.append((papers, recipe, output))

    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.output, calls


def test_a_command_gets_the_dataclass_that_its_options_make():
    arguments = ("papers.csv", "--seed", "4", "--epochs", "5", "--freeze", "-t", "a", "--tag", "b", "-o", "out")
    code, _, calls = run(*arguments)
    assert code == 0
    assert calls == [("papers.csv", Recipe(seed=4, epochs=5, freeze=True, tags=["a", "b"]), "out")]
    assert run("papers.csv", "--seed", "4")[2] == [("papers.csv", Recipe(seed=4), "models")]


@pytest.mark.parametrize(
    "arguments, words",
    [
        ((), "--seed"),
        (("--seed", "10"), "less than or equal to 9"),
        (("--seed", "1", "--epochs", "0"), "--epochs"),
        (("--seed", "1", "--device", "tpu"), "'cuda'"),
        (("--seed", "1", "--weight-decay", "0"), "No such option"),
    ],
)
def test_limits_and_types_of_the_fields_are_those_of_the_command(arguments, words):
    code, output, calls = run("papers.csv", *arguments)
    assert code == 2 and not calls and words in output


def test_help_is_that_of_the_fields():
    _, output, _ = run("--help")
    assert "Trains a model." in output
    for name, annotation in annotations(Recipe).items():
        assert annotation.help in output, name
    assert "--weight-decay" not in output and "default: 3;" in output


def test_arguments_are_those_that_differ_from_the_defaults():
    recipe = Recipe(seed=4, budget_minutes=2.5, freeze=True, tags=["a", "b"], weight_decay=0.5)
    arguments = command_arguments(recipe)
    assert arguments == ["--seed", "4", "--budget-minutes", "2.5", "--freeze", "--tag", "a", "--tag", "b"]
    (_, read, _), *_ = run("papers.csv", *arguments)[2]
    assert read == Recipe(seed=4, budget_minutes=2.5, freeze=True, tags=["a", "b"])
    assert command_arguments(Recipe(seed=0)) == ["--seed", "0"]


def test_a_record_gives_the_options_that_it_has():
    assert from_record(Recipe, {"seed": 1, "weight_decay": 0.2, "minutes": 5}) == Recipe(seed=1, weight_decay=0.2)


def test_the_name_and_docstring_stay():
    @with_options
    def prepare(recipe: Recipe) -> None:
        """Prepares."""

    assert (prepare.__name__, prepare.__doc__) == ("prepare", "Prepares.")
    assert [*inspect.signature(prepare).parameters] == [*annotations(Recipe)]
