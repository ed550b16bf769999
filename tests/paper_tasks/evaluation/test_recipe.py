import json
import re
from dataclasses import asdict

import pytest
import typer

from paper_tasks.cli import app
from paper_tasks.data.options import PrepareOptions
from paper_tasks.evaluation import recipe
from paper_tasks.paths import MODEL_DIR
from paper_tasks.tagger.config import ModelConfig


@pytest.fixture(scope="module")
def config():
    return json.loads((MODEL_DIR / "config.json").read_text(encoding="utf-8"))


def commands(config):
    """The words of each command, without the program's name."""
    text = recipe.commands(ModelConfig.from_json(config)).replace(" \\\n   ", "")
    lines = [line.split() for line in text.splitlines()]
    assert all(line[0] == "paper-tasks" for line in lines)
    return [line[1:] for line in lines]


def test_each_command_has_the_options_of_the_record(config):
    lines = commands(config)
    assert [line[0] for line in lines] == ["prepare", "pretrain", "train", "train", "average", "export"]
    training = config["training"]
    records = [training["pretraining"], *(training | run for run in training["averaged"])]
    known = typer.main.get_command(app).commands
    for (name, *arguments), record in zip(lines[1:4], records, strict=True):
        # Parsed, not run: an option that is gone is refused here.
        options = known[name].make_context(name, arguments).params
        same = options.keys() & record.keys() - {"backbone", "teacher", "checkpoint"}
        assert {option: options[option] for option in same} == {option: record[option] for option in same}
        assert {"epochs", "batch_size", "learning_rate", "max_length", "seed"} <= same
    for name, *arguments in (lines[0], *lines[4:]):
        assert known[name].make_context(name, arguments).params


def test_a_student_follows_its_teacher(config):
    first, second = commands(config)[2:4]
    assert "--teacher" not in first and second[second.index("--teacher") + 1] == "models/1"
    assert first[first.index("--backbone") + 1] == "models/phrases"
    assert commands(config)[4] == ["average", "models/1", "models/2", "--output", "models/average"]


def test_options_that_differ_from_the_defaults_are_named(config):
    data = config["training"]["data"] | {"options": asdict(PrepareOptions(min_papers=3))}
    training = config["training"] | {"data": data}
    lines = commands(config | {"training": training, "encoder_tokens": 128})
    assert lines[0] == ["prepare", "papers.csv", "--min-papers", "3"]
    assert lines[-1] == ["export", "--model", "models/average", "--max-length", "128"]


def test_one_training_has_no_average_and_several_runs_have_no_recipe(config):
    once = {name: value for name, value in config["training"].items() if name not in ("averaged", "pretraining")}
    lines = commands(config | {"training": once | {"runs": 1}})
    assert [line[0] for line in lines] == ["prepare", "train", "export"]
    assert lines[1][1:3] == ["--backbone", once["backbone"]] and lines[2] == ["export", "--model", "models/1"]
    assert recipe.commands(ModelConfig.from_json(config | {"training": once | {"runs": 2}})) == ""


def test_a_line_is_short_and_keeps_an_option_beside_its_value(config):
    for line in recipe.commands(ModelConfig.from_json(config)).splitlines():
        assert len(line) <= recipe.LINE_LENGTH + 2
        assert not re.search(r"--(epochs|seed|budget-minutes|output) \\$", line)


def test_labels_made_by_reading_are_prepared_as_they_were(config):
    data = config["training"]["data"] | {"labels": "read", "source": "papers.csv.xz, more.csv.xz"}
    data["options"] = {"labels": "read_labels", "positives": ["pwc.jsonl.xz"]}
    line = commands(config | {"training": config["training"] | {"data": data}})[0]
    assert line[:3] == ["prepare", "papers.csv.xz", "more.csv.xz"]
    assert line[3:] == ["--read-labels", "read_labels", "--positives", "pwc.jsonl.xz"]
    assert typer.main.get_command(app).commands["prepare"].make_context("prepare", line[1:]).params
