"""The files of an evaluation: writes them, reads them, and keeps what is still true of an earlier evaluation."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pandas as pd

from paper_tasks.errors import InputError
from paper_tasks.evaluation import plots, tables
from paper_tasks.evaluation.baselines.registry import BASELINES
from paper_tasks.evaluation.report import EvaluationReport, Measured
from paper_tasks.io import atomic

Value = TypeVar("Value")
Report = TypeVar("Report", bound=Measured)
# What a report has of each system, beside its scores.
BY_SYSTEM = ("systems", "notes", "reliability", "reliability_masked")
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
    return read_files(folder / JSON, folder / PER_TASK, EvaluationReport.from_json)


def read_files(
    path: Path, per_task: Path, from_json: Callable[[Mapping[str, Any]], Report]
) -> tuple[Report, pd.DataFrame]:
    """Reads a report of either kind at `path`, and the table of tasks beside it. Raises as `read` does."""
    try:
        report = from_json(json.loads(path.read_text(encoding="utf-8")))
        table = pd.read_csv(per_task)
        # A file without these columns is damaged.
        table[["task", *(f"f1 {name}" for name in report.systems)]]
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"The evaluation in {path.parent} cannot be read ({error}): remove {path} to start again."
        ) from error
    return report, table


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


class Kept(NamedTuple):
    """Which systems of an earlier evaluation stay: `names`; all `models`; and all systems in the table's `order`."""

    names: list[str]
    models: list[str]
    order: list[str]

    def merge(self, before: Mapping[str, Value], now: Mapping[str, Value]) -> dict[str, Value]:
        """The values of the systems that stay, and of those that were measured now."""
        found = {name: before[name] for name in self.names if name in before} | dict(now)
        return {name: found[name] for name in self.order if name in found}

    def merge_columns(self, before: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
        """The same of the columns `f1 NAME` of two tables of tasks."""
        earlier_f1 = before.set_index("task")
        columns = {f"f1 {name}": now["task"].map(earlier_f1[f"f1 {name}"]) for name in self.names}
        about = [column for column in now if not column.startswith("f1 ")]
        return now.assign(**columns)[about + [f"f1 {name}" for name in self.order]]


def kept_systems(earlier: Measured, now: Measured) -> Kept | None:
    """The systems of an earlier evaluation that were not measured now; None if its papers were others.

    Some systems take hours to train, or were measured on another machine. Their rows are kept while they are true:
    the papers must be the same, and for rows of our own models, the shipped model too.
    """
    if earlier.inputs != now.inputs:
        return None
    stale = [] if earlier.shipped == now.shipped else earlier.models
    names = [name for name in earlier.systems if name not in now.systems and name not in stale]
    models = [name for name in names if name in earlier.models] + now.models
    others = [name for name in (*names, *now.systems) if name not in models]
    return Kept(names, models, sorted(others, key=lambda name: [*BASELINES, name].index(name)) + models)


def keep_rows(
    report: Report, per_task: pd.DataFrame, read_earlier: Callable[[], tuple[Report, pd.DataFrame]]
) -> tuple[Report, pd.DataFrame]:
    """Adds the systems of an earlier evaluation that `kept_systems` finds; `report.kept` names them.

    read_earlier: reads it, and raises FileNotFoundError where there is none. Raises InputError for one that cannot be
    read.
    """
    try:
        earlier, earlier_per_task = read_earlier()
    except FileNotFoundError:
        return report, per_task
    if (kept := kept_systems(earlier, report)) is None:
        return report, per_task
    by_system = {
        name: kept.merge(getattr(earlier, name), getattr(report, name)) for name in BY_SYSTEM if hasattr(report, name)
    }
    merged = replace(report, kept=kept.names, models=kept.models, **by_system)  # type: ignore[type-var]  # a dataclass
    return merged, kept.merge_columns(earlier_per_task, per_task)
