"""The files of an evaluation: writes them, reads them, and keeps what is still true of an earlier evaluation."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pandas as pd

from paper_tasks.errors import InputError
from paper_tasks.evaluation import plots, tables
from paper_tasks.evaluation.baselines.registry import BASELINES
from paper_tasks.evaluation.report import EvaluationReport
from paper_tasks.io import atomic

Value = TypeVar("Value")
JSON, MARKDOWN, PER_TASK = "evaluation.json", "evaluation.md", "per_task.csv"


def write(report: EvaluationReport, per_task: pd.DataFrame, folder: Path) -> None:
    """Writes `evaluation.json`, `evaluation.md`, `per_task.csv` and three plots to `folder`.

    per_task: a row for each label, with its `task`, `area`, `train papers`, `papers`, and `f1 NAME` of each system.
    """
    folder.mkdir(parents=True, exist_ok=True)
    atomic.write_text(folder / MARKDOWN, tables.full_report(report))
    with atomic.write_atomic(folder / PER_TASK) as path:
        per_task.to_csv(path, index=False)
    # The JSON file is the last of the three, because the next evaluation trusts it to have the others beside it.
    atomic.write_json(folder / JSON, report.to_json())
    plots.write(report, per_task, folder)


def read(folder: Path) -> tuple[EvaluationReport, pd.DataFrame]:
    """Reads the report and the table of tasks that `write` wrote.

    Raises FileNotFoundError for a folder without an evaluation, InputError for a damaged one.
    """
    try:
        report = EvaluationReport.from_json(json.loads((folder / JSON).read_text(encoding="utf-8")))
        per_task = pd.read_csv(folder / PER_TASK)
        # A file without these columns is damaged.
        per_task[["task", *(f"f1 {name}" for name in report.systems)]]
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"The evaluation in {folder} cannot be read ({error}): remove {folder / JSON} to start again."
        ) from error
    return report, per_task


def write_again(folder: Path) -> EvaluationReport:
    """Writes texts and plots anew from the `evaluation.json` and `per_task.csv` in `folder`; measures nothing.

    Raises InputError for a folder without an evaluation, or with a damaged one.
    """
    try:
        report, per_task = read(folder)
    except FileNotFoundError as error:
        raise InputError(f"{error.filename} is missing: run `paper-tasks evaluate` without --write-only.") from error
    write(report, per_task, folder)
    return report


def keep_rows(report: EvaluationReport, per_task: pd.DataFrame, folder: Path) -> tuple[EvaluationReport, pd.DataFrame]:
    """Adds the systems of the evaluation in `folder` that were not measured now; `report.kept` names them.

    Some systems take hours to train, or were measured on another machine. Their rows are kept while they are true:
    the papers must be the same, and for rows of our own models, the shipped model too.

    Raises InputError for an earlier evaluation that cannot be read.
    """
    try:
        earlier, earlier_per_task = read(folder)
    except FileNotFoundError:
        return report, per_task
    if earlier.inputs != report.inputs:
        return report, per_task
    stale = [] if earlier.shipped == report.shipped else earlier.models
    kept = [name for name in earlier.systems if name not in report.systems and name not in stale]
    models = [name for name in kept if name in earlier.models] + report.models
    others = [name for name in (*kept, *report.systems) if name not in models]
    order = sorted(others, key=lambda name: [*BASELINES, name].index(name)) + models

    def merge(before: dict[str, Value], now: dict[str, Value]) -> dict[str, Value]:
        found = {name: before[name] for name in kept if name in before} | now
        return {name: found[name] for name in order if name in found}

    merged = replace(
        report,
        kept=kept,
        models=models,
        systems=merge(earlier.systems, report.systems),
        notes=merge(earlier.notes, report.notes),
        reliability=merge(earlier.reliability, report.reliability),
        reliability_masked=merge(earlier.reliability_masked, report.reliability_masked),
    )
    earlier_f1 = earlier_per_task.set_index("task")
    for name in kept:
        per_task[f"f1 {name}"] = per_task["task"].map(earlier_f1[f"f1 {name}"])
    about = [column for column in per_task if not column.startswith("f1 ")]
    return merged, per_task[about + [f"f1 {name}" for name in order]]
