"""The commands that made a model, from the record of its training in `config.json`."""

import textwrap
from collections.abc import Iterable
from typing import Any

from paper_tasks.data.options import PrepareOptions
from paper_tasks.data.prepared_folder import READ
from paper_tasks.options import command_arguments, from_record
from paper_tasks.tagger.config import DataRecord, ModelConfig, TrainingRecord
from paper_tasks.training.options import PretrainOptions, TrainOptions

PHRASES, AVERAGE, FIRST = "models/phrases", "models/average", "models/1"
LINE_LENGTH = 110
# Keeps an option and its value in one line.
NO_BREAK = "\N{NO-BREAK SPACE}"


def commands(config: ModelConfig) -> str:
    """Lines of shell, with the options that differ from their defaults today.

    Empty for a model that was trained in several runs, one after the other: its record does not have them all.
    """
    training = config.training
    runs = training.averaged or (training,)
    if len(runs) < training.runs:
        return ""
    lines = [["prepare", *_prepare_arguments(config.data)]]
    if training.pretraining:
        lines.append(["pretrain", *command_arguments(from_record(PretrainOptions, training.pretraining.to_json()))])
    for number, run in enumerate(runs, start=1):
        lines.append(["train", *command_arguments(_train_options(run)), "--output", f"models/{number}"])
    made = FIRST
    if len(runs) > 1:
        made = AVERAGE
        lines.append(["average", *(f"models/{number + 1}" for number in range(len(runs))), "--output", made])
    tokens = [] if config.encoder_tokens == training.max_length else ["--max-length", str(config.encoder_tokens)]
    lines.append(["export", "--model", made, *tokens])
    return "\n".join(_wrapped(["paper-tasks", *line]) for line in lines)


def _prepare_arguments(data: DataRecord) -> list[str]:
    """What `prepare` was given: a table of papers, or the tables of their texts and of their read labels."""
    if data.labels != READ:
        return ["papers.csv", *command_arguments(from_record(PrepareOptions, data.options))]
    positives = [word for name in data.options["positives"] for word in ("--positives", name)]
    return [*data.source.split(", "), "--read-labels", data.options["labels"], *positives]


def _train_options(run: TrainingRecord) -> TrainOptions:
    """The options of one training. Its folders are the ones that the commands before it write."""
    changed: dict[str, Any] = {"backbone": PHRASES if run.pretraining else run.backbone, "teacher": None}
    if run.teacher:
        changed |= {"teacher": FIRST, "teacher_share": run.teacher.share}
    return from_record(TrainOptions, run.to_json() | changed)


def _wrapped(words: Iterable[str]) -> str:
    """The words as shell, in lines of at most `LINE_LENGTH` characters; an option and its value share a line."""
    groups: list[str] = []
    for word in words:
        if groups and not word.startswith("--") and groups[-1].startswith("--") and NO_BREAK not in groups[-1]:
            groups[-1] += NO_BREAK + word
        else:
            groups.append(word)
    lines = textwrap.wrap(" ".join(groups), LINE_LENGTH, subsequent_indent="    ", break_on_hyphens=False)
    return " \\\n".join(lines).replace(NO_BREAK, " ")
