"""What a folder of results holds: an evaluation on read labels, one on distant labels, or both. Read labels lead."""

from pathlib import Path
from typing import NamedTuple

from paper_tasks.errors import InputError
from paper_tasks.evaluation import results, tables
from paper_tasks.evaluation.read_labels import results as read_results
from paper_tasks.evaluation.read_labels import tables as read_tables
from paper_tasks.evaluation.read_labels.report import ReadEvaluationReport
from paper_tasks.evaluation.report import EvaluationReport


class Reports(NamedTuple):
    """The reports of a folder, at least one; None for an evaluation that it lacks."""

    distant: EvaluationReport | None
    read: ReadEvaluationReport | None

    def readme_table(self) -> str:
        """The README's sentences and short table."""
        if self.read is not None:
            return read_tables.readme_table(self.read)
        return tables.readme_table(self.distant) if self.distant else ""

    def table(self) -> str:
        """A row for each system, without intervals."""
        if self.read is not None:
            return read_tables.main_table(self.read)
        return tables.all_systems(self.distant) if self.distant else ""


def read(folder: Path) -> Reports:
    """Reads the evaluations in `folder`. Raises InputError where there is none, or a damaged one."""
    _check(folder)
    return Reports(
        results.read(folder)[0] if (folder / results.JSON).is_file() else None,
        read_results.read(folder)[0] if (folder / read_results.JSON).is_file() else None,
    )


def write_again(folder: Path) -> Reports:
    """Writes texts and plots anew from the reports and tables of tasks in `folder`; measures nothing.

    Raises InputError where there is no evaluation, or a damaged one.
    """
    _check(folder)
    return Reports(
        results.write_again(folder) if (folder / results.JSON).is_file() else None,
        read_results.write_again(folder) if (folder / read_results.JSON).is_file() else None,
    )


def _check(folder: Path) -> None:
    if not any((folder / name).is_file() for name in (results.JSON, read_results.JSON)):
        raise InputError(f"{folder / results.JSON} is missing: run `paper-tasks evaluate` without --write-only.")
