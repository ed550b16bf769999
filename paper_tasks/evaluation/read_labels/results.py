"""The files of an evaluation on read labels: writes and reads them, and keeps what is still true of an earlier one."""

from pathlib import Path

import matplotlib
import pandas as pd

from paper_tasks.evaluation import plots
from paper_tasks.evaluation.palette import LOOK
from paper_tasks.evaluation.read_labels import tables
from paper_tasks.evaluation.read_labels.plots import reliability_diagram
from paper_tasks.evaluation.read_labels.report import ReadEvaluationReport
from paper_tasks.evaluation.results import read_files
from paper_tasks.io import atomic

JSON, MARKDOWN, PER_TASK, PLOT = (
    "read_evaluation.json",
    "read_evaluation.md",
    "read_per_task.csv",
    "read_reliability.png",
)


def write(report: ReadEvaluationReport, per_task: pd.DataFrame, folder: Path) -> None:
    """Writes `read_evaluation.json`, `read_evaluation.md`, `read_per_task.csv` and a plot of the reliability.

    per_task: a row for each task, with its `task`, `area`, `train papers`, `papers`, and `f1 NAME` of each system.
    """
    folder.mkdir(parents=True, exist_ok=True)
    atomic.write_text(folder / MARKDOWN, tables.full_report(report))
    with atomic.write_atomic(folder / PER_TASK) as path:
        per_task.to_csv(path, index=False)
    # The JSON file is the last of the three, because the next evaluation trusts it to have the others beside it.
    atomic.write_json(folder / JSON, report.to_json())
    if report.reliability:
        with matplotlib.rc_context(LOOK):
            plots.save(reliability_diagram(report), folder / PLOT)


def read(folder: Path) -> tuple[ReadEvaluationReport, pd.DataFrame]:
    """Reads the report and the table of tasks that `write` wrote.

    Raises FileNotFoundError for a folder without an evaluation, InputError for a damaged one.
    """
    return read_files(folder / JSON, folder / PER_TASK, ReadEvaluationReport.from_json)


def write_again(folder: Path) -> ReadEvaluationReport:
    """Writes texts and plot anew from the report and the table of tasks in `folder`; measures nothing.

    Raises FileNotFoundError for a folder without an evaluation, InputError for a damaged one.
    """
    report, per_task = read(folder)
    write(report, per_task, folder)
    return report
