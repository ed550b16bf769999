"""The tables of an evaluation in Markdown, and the texts around them. Everything comes from an EvaluationReport."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from paper_tasks.evaluation.baselines.registry import ANNIF, LINEAR_SVMS, ORIGINAL, STRING_MATCHING
from paper_tasks.evaluation.rendering import cell, render, table
from paper_tasks.evaluation.report import AreaScores, EvaluationReport, Lead, SystemScores

TEMPLATES = Path(__file__).parent / "templates"
MARKS = ("<!-- evaluation: from here on written by `make evaluate` -->", "<!-- evaluation: to here -->")
# The README's columns, and the name of its row that has the best linear SVM of each column.
README_COLUMNS = {
    "micro_f1": "micro-F1",
    "precision_at_1": "P@1",
    "keyword_recall_at_5": "keywords",
    "keyword_recall_at_5_unmentioned": "unmentioned",
}
BEST_SVM = "linear SVM (best of {} per column)"
# The columns of the table of all systems. docs/evaluation.md defines each of them.
COLUMNS = {
    "micro_f1": "micro-F1",
    "macro_f1": "macro-F1",
    "subset_accuracy": "subset accuracy",
    "precision_at_1": "P@1",
    "keyword_recall_at_5": "keywords",
    "keyword_recall_at_5_mentioned": "mentioned",
    "keyword_recall_at_5_unmentioned": "unmentioned",
    "masked_recall_at_5": "masked",
}
# The scores that a string matcher cannot have.
WITHOUT_NAMES = ("masked_recall_at_5", "keyword_recall_at_5_unmentioned")
LABELS = {
    "micro_f1": "micro-F1",
    "macro_f1": "macro-F1",
    "subset_accuracy": "subset accuracy",
    "precision_at_1": "P@1",
    "precision_at_3": "P@3",
    "ndcg_at_5": "nDCG@5",
}
FREQUENCY = {
    "macro_f1_0_to_49": "fewer than 50",
    "macro_f1_50_to_149": "50 to 149",
    "macro_f1_150_to_499": "150 to 499",
    "macro_f1_500_up": "500 or more",
    "tasks_at_f1_0": "tasks at F1 0",
}
RECALL = {
    "keyword_recall_at_5": "keywords",
    "keyword_recall_at_5_mentioned": "mentioned",
    "keyword_recall_at_5_unmentioned": "unmentioned",
    "keyword_recall_at_5_own": "own words",
    "keyword_recall_at_5_own_unmentioned": "own words, unmentioned",
    "masked_recall_at_5": "masked, micro",
    "masked_recall_at_5_macro": "masked, macro",
}
TAGS = {
    "coverage": "coverage",
    "precision": "precision",
    "calibration_error": "calibration error",
    "calibration_error_at_1": "calibration error of the first tag",
    "calibration_error_at_1_masked": "calibration error of the first tag, masked",
}
# Scores that every system has, with names that need no table around them; a higher value is better in all of them.
COMPARED = {
    **LABELS,
    **{name: f"macro-F1, {papers} training papers" for name, papers in FREQUENCY.items() if name != "tasks_at_f1_0"},
    "keyword_recall_at_5": "author keywords, recall@5",
    "keyword_recall_at_5_mentioned": "author keywords mentioned, recall@5",
    "keyword_recall_at_5_unmentioned": "author keywords unmentioned, recall@5",
    "keyword_recall_at_5_own": "keywords in the authors' own words, recall@5",
    "keyword_recall_at_5_own_unmentioned": "keywords in the authors' own words, unmentioned, recall@5",
    "masked_recall_at_5": "masked, micro recall@5",
    "masked_recall_at_5_macro": "masked, macro recall@5",
}
AREA = {
    "tasks": "tasks",
    "papers": "papers",
    "micro_f1": "micro-F1",
    "macro_f1": "macro-F1",
    "keyword_recall_at_5": "keywords",
    "masked_recall_at_5": "masked",
}


def readme_table(report: EvaluationReport) -> str:
    """Three sentences and the README's short table: the baselines that matter, and the shipped model."""
    systems = {name: report.systems[name] for name in (STRING_MATCHING, ANNIF, ORIGINAL) if name in report.systems}
    svms = [report.systems[name] for name in LINEAR_SVMS if name in report.systems]
    rows = {name: cells(scores) for name, scores in systems.items()}
    if svms:
        best = {score: max(svm[score] for svm in svms if score in svm) for score in _scores_of(svms)}
        rows[BEST_SVM.format(len(svms))] = {score: cell(value) for score, value in best.items()}
    if report.models:
        rows[report.shipped_model] = cells(report.systems[report.shipped_model])
    order = [STRING_MATCHING, BEST_SVM.format(len(svms)), ANNIF, ORIGINAL, *report.models[-1:]]
    rows = {name: rows[name] for name in order if name in rows}
    return render(
        TEMPLATES / "readme_table.md.j2",
        report=report,
        table=table("system", README_COLUMNS, rows),
        masked=report.lead.get("masked_recall_at_5"),
    )


def all_systems(report: EvaluationReport) -> str:
    """A row for each system, without intervals."""
    return table("system", COLUMNS, {name: cells(scores) for name, scores in report.systems.items()})


def full_report(report: EvaluationReport) -> str:
    """The content of `evaluation.md`: every score with its interval, the lead, and the shipped model by area."""
    rows = {name: cells(scores, with_intervals=True) for name, scores in report.systems.items()}
    return render(
        TEMPLATES / "evaluation.md.j2",
        report=report,
        all_systems=all_systems(report),
        labels_table=table("system", LABELS, rows),
        frequency_table=table("system", FREQUENCY, rows),
        recall_table=table("system", RECALL, rows),
        tags_table=table("system", TAGS, rows),
        lead_table=lead_table(report.lead, COMPARED),
        leads={COLUMNS[score]: report.lead[score] for score in WITHOUT_NAMES if score in report.lead},
        area_tables={model: area_table(areas) for model, areas in report.areas.items()},
    )


def area_table(areas: Mapping[str, AreaScores]) -> str:
    """A row for each area."""
    return table(
        "area",
        AREA,
        {area: {name: cell(value) for name, value in scores.to_json().items()} for area, scores in areas.items()},
    )


def _scores_of(systems: Iterable[SystemScores]) -> list[str]:
    """The names of the scores that at least one system has."""
    return list(dict.fromkeys(name for scores in systems for name in scores.values))


def cells(scores: SystemScores, with_intervals: bool = False) -> dict[str, str]:
    """The scores of a row as a table shows them."""
    row = {name: cell(value) for name, value in scores.values.items()}
    if with_intervals:
        for name, (low, high) in scores.intervals.items():
            row[name] += f" [{cell(low)}, {cell(high)}]"
    return row


def lead_table(leads: Mapping[str, Lead], columns: Mapping[str, str]) -> str:
    """A row for each score in which the shipped model is compared; columns: the titles of scores."""
    rows = {}
    for name, lead in leads.items():
        difference = f"{lead.difference:+.3f}"
        if lead.interval:
            difference += " [{:+.3f}, {:+.3f}]".format(*lead.interval)
        rows[columns[name]] = {"best_other": lead.best_other, "difference": difference}
    return table("score", {"best_other": "best other", "difference": "difference"}, rows)
