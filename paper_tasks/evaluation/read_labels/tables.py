"""The tables of an evaluation on read labels in Markdown, and the texts around them."""

from collections.abc import Mapping

from paper_tasks.data.prepared_folder import MODERN, POSITIVES, READ
from paper_tasks.evaluation.baselines.registry import ANNIF, LINEAR_SVMS, ORIGINAL, STRING_MATCHING
from paper_tasks.evaluation.read_labels.report import ReadEvaluationReport
from paper_tasks.evaluation.rendering import cell, render, table
from paper_tasks.evaluation.report import SystemScores
from paper_tasks.evaluation.tables import BEST_SVM, TEMPLATES, cells, lead_table

# docs/evaluation.md defines each column. More is better in all of `COMPARED` and `COMPARED_POSITIVES`.
COMPARED = {
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "precision_at_1": "P@1",
    "recall_at_5": "R@5",
    "macro_f1": "macro-F1",
    "none_for_none": "none for none",
}
COLUMNS = COMPARED | {"calibration_error": "calibration error"}
BOTH_LEVELS = {"precision_both": "precision, both levels", "recall_both": "recall, both levels"}
COMPARED_POSITIVES = {
    "recall_at_5": "R@5",
    "recall_at_5_unmentioned": "R@5, unmentioned",
    "precision_at_1": "P@1",
    "f1_complete": "F1 of complete lists",
}
# What texts call a set.
SET_TITLES = {READ: "read papers", MODERN: "the newest papers", POSITIVES: "Papers with Code's own labels"}
# The README's columns: each the set and the score.
README_COLUMNS = {
    (READ, "f1"): "F1",
    (READ, "precision_at_1"): "P@1",
    (READ, "recall_at_5"): "R@5",
    (MODERN, "f1"): "F1, newest papers",
    (POSITIVES, "recall_at_5"): "Papers with Code, R@5",
}
# The README has the last models alone: the fast tier, and the one that ships.
README_MODELS = 2


def readme_table(report: ReadEvaluationReport) -> str:
    """Three sentences and the README's short table: the baselines that matter, and the models that ship."""
    baselines = [name for name in (STRING_MATCHING, ANNIF, ORIGINAL) if name in report.systems]
    rows = {name: _readme_scores(report.systems[name]) for name in (*baselines, *report.models[-README_MODELS:])}
    svms = [_readme_scores(report.systems[name]) for name in LINEAR_SVMS if name in report.systems]
    best_svm = BEST_SVM.format(len(svms))
    if svms:
        rows[best_svm] = {key: max(svm[key] for svm in svms) for key in svms[0]}
    order = [STRING_MATCHING, best_svm, ANNIF, ORIGINAL, *report.models[-README_MODELS:]]
    columns = {f"{name}/{score}": title for (name, score), title in README_COLUMNS.items()}
    return render(
        TEMPLATES / "read_readme_table.md.j2",
        report=report,
        table=table(
            "system",
            columns,
            {name: {key: cell(value) for key, value in rows[name].items()} for name in order if name in rows},
        ),
    )


def main_table(report: ReadEvaluationReport) -> str:
    """A row for each system, of the read papers, without intervals."""
    return table("system", COLUMNS, {name: cells(scores) for name, scores in report.on(READ).items()})


def full_report(report: ReadEvaluationReport) -> str:
    """The content of `read_evaluation.md`: every score with its interval on each set, and the lead."""
    return render(
        TEMPLATES / "read_evaluation.md.j2",
        report=report,
        main_table=main_table(report),
        read_tables={
            name: {
                "scores": _with_intervals(report.on(name), COLUMNS),
                "both": _with_intervals(_having(report.on(name), BOTH_LEVELS), BOTH_LEVELS),
            }
            for name in (READ, MODERN)
            if name in report.sets
        },
        positives_table=_with_intervals(report.on(POSITIVES), COMPARED_POSITIVES) if POSITIVES in report.sets else "",
        lead_tables={
            name: lead_table(lead, COMPARED_POSITIVES if name == POSITIVES else COMPARED)
            for name, lead in report.lead.items()
            if lead
        },
        titles=SET_TITLES,
        behind=_behind(report),
    )


def _behind(report: ReadEvaluationReport) -> list[str]:
    """Sentences on the columns in which another system is ahead of the one that ships."""
    return [
        f"{SET_TITLES[name]}, {(COMPARED_POSITIVES if name == POSITIVES else COMPARED)[score]}: {lead.best_other} is "
        f"ahead by {-lead.difference:.3f}"
        for name, leads in report.lead.items()
        for score, lead in leads.items()
        if lead.difference < 0
    ]


def _readme_scores(sets: Mapping[str, SystemScores]) -> dict[str, float]:
    return {
        f"{name}/{score}": sets[name][score] for name, score in README_COLUMNS if name in sets and score in sets[name]
    }


def _having(systems: Mapping[str, SystemScores], columns: Mapping[str, str]) -> dict[str, SystemScores]:
    """The systems with any of the scores."""
    return {name: scores for name, scores in systems.items() if any(score in scores for score in columns)}


def _with_intervals(systems: Mapping[str, SystemScores], columns: Mapping[str, str]) -> str:
    rows = {name: cells(scores, with_intervals=True) for name, scores in systems.items()}
    return table("system", columns, rows) if rows else ""
