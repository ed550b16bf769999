"""Tables of an evaluation for people, made from what `evaluation.json` holds and nothing else."""

from collections.abc import Mapping
from pathlib import Path

from paper_tasks.errors import InputError
from paper_tasks.io import atomic

MARKS = ("<!-- evaluation: from here on written by `make evaluate` -->", "<!-- evaluation: to here -->")
# The README's columns.
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
# Of these, the scores that no string matcher can have.
ABOUT = ("masked_recall_at_5", "keyword_recall_at_5_unmentioned")
DISTANT = {
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
MEANING = {
    "keyword_recall_at_5": "keywords",
    "keyword_recall_at_5_mentioned": "mentioned",
    "keyword_recall_at_5_unmentioned": "unmentioned",
    "keyword_recall_at_5_own": "own words",
    "keyword_recall_at_5_own_unmentioned": "own words, unmentioned",
    "masked_recall_at_5": "masked, micro",
    "masked_recall_at_5_macro": "masked, macro",
}
SHIPPED = {
    "coverage": "coverage",
    "precision": "precision",
    "calibration_error": "calibration error",
    "calibration_error_at_1": "calibration error of the first tag",
    "calibration_error_at_1_masked": "calibration error of the first tag, masked",
}
# The scores that every system has and of which more is better.
COMPARED = {
    **DISTANT,
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


def labels_of(evaluation: Mapping) -> str:
    """What the labels are called that scores are measured against."""
    return "distant labels" if evaluation["distant"] else "the table's own labels"


def readme_table(evaluation: Mapping) -> str:
    """What was measured, in a sentence or two, and a row for each system."""
    labels = labels_of(evaluation)
    return (
        f"Measured on {evaluation['papers']:,} held-out papers ({evaluation['split']} split). The first four columns "
        f"score against {labels}{', which a string matcher made' if evaluation['distant'] else ''}. "
        "The others are recall@5, the share of the right "
        "tasks that are among a system's first five: `keywords` of the "
        f"{evaluation['keyword_tasks']:,} tasks that authors give as keywords, `mentioned` of those that title or "
        f"abstract name too, `unmentioned` of the {evaluation['keyword_tasks_unmentioned']:,} that neither names; "
        f"`masked` of {labels}, after every mention of them is cut from the text."
        + "".join(f" {name[0].upper()}{name[1:]}: {note}." for name, note in evaluation["notes"].items())
        + (
            f" From an earlier evaluation of the same papers: {'; '.join(kept)}."
            if (kept := evaluation["kept"])
            else ""
        )
        + "\n\n"
        + table("system", COLUMNS, {name: _plain(scores) for name, scores in evaluation["systems"].items()})
        + _lead_sentence(evaluation)
    )


def _lead_sentence(evaluation: Mapping) -> str:
    """How far the model that ships is from the best other where a text does not name its tasks, if it was measured."""
    leads = {COLUMNS[score]: evaluation["lead"][score] for score in ABOUT if score in evaluation["lead"]}
    if not leads:
        return ""
    told = [
        f"{row['difference']:+.3f} on `{column}` ({row['best_other']}"
        + ("; 95% interval {:+.3f} to {:+.3f})".format(*row["interval"]) if "interval" in row else ")")
        for column, row in leads.items()
    ]
    return f"\nAgainst the best of the others, `{evaluation['models'][-1]}` has {' and '.join(told)}.\n"


def full_tables(evaluation: Mapping) -> str:
    """All scores with their 95% intervals, the lead over the best other system, and the shipped model by area."""
    systems = {name: _with_intervals(scores) for name, scores in evaluation["systems"].items()}
    labels = labels_of(evaluation)
    parts = [
        "# Evaluation",
        readme_table(evaluation),
        f"Left out are {evaluation['near_duplicates_left_out']:,} papers, half of whose text, or more, stands in one "
        "that systems learn from or choose thresholds on. "
        "Below, brackets hold 95% intervals: of 1,000 sets of papers drawn with replacement, the same for all systems. "
        "(Those of macro-F1 lie somewhat low, for a rare label has fewer different papers in such a set.)",
        f"## {labels[0].upper()}{labels[1:]}",
        "Over all labels as they are, duplicates and artefacts included. Few papers have three labels or more: P@3 is "
        "far below 1 at its best.",
        table("system", DISTANT, systems),
        "## Frequent and rare tasks",
        "Macro-F1 over tasks of so many training papers; and how many tasks of 30 or more are never found.",
        table("system", FREQUENCY, systems),
        "## What a paper is about",
        "Recall@5, each task once and without artefacts: of the tasks that authors name in their keywords, all, and "
        "those which title or abstract name too or do not. Where a venue has a list of subjects, its authors choose "
        "among those, broad ones too (one that lumps several counts as none); "
        f"{evaluation['keyword_tasks_own']:,} of the tasks "
        f"({evaluation['keyword_tasks_own_unmentioned']:,} unmentioned) are of papers whose authors have written all "
        f"their keywords in their own words. And recall of {labels} whose every mention was cut out, over all of "
        "them (micro) and on average over tasks (macro).",
        table("system", MEANING, systems),
        "## Tags as given",
        "At each system's own thresholds: the share of papers that get a tag, and the share of tags that are "
        f"{labels}. Expected calibration error, over all pairs of paper and task and over each paper's first tag, for "
        "systems that give probabilities.",
        table("system", SHIPPED, systems),
    ]
    if lead := evaluation["lead"]:
        matched = "A string matcher made the distant labels: its F1 is ahead by definition."
        parts += [
            f"## {evaluation['models'][-1]} against the best other system",
            *([matched] if evaluation["distant"] else []),
            table("score", {"best_other": "best other", "difference": "difference"}, _lead_rows(lead)),
        ]
    for name, areas in evaluation["areas"].items():
        parts += [f"## {name} by area", area_table(areas)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def update_document(document: Path, table: str, marks: tuple[str, str] = MARKS) -> None:
    """Puts the table between the two marks in a document. Raises InputError if it has no such marks."""
    text = document.read_text(encoding="utf-8")
    before, start, rest = text.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not (start and end):
        raise InputError(f"{document} has no line '{marks[0]}' and '{marks[1]}' to put the table between.")
    atomic.write_text(document, f"{before}{start}\n{table}{end}{after}")


def area_table(areas: Mapping[str, Mapping]) -> str:
    """A row for each area, of what `EvaluationSet.by_area` returned."""
    return table("area", AREA, {area: _plain(row) for area, row in areas.items()})


def table(first: str, columns: Mapping[str, str], rows: Mapping[str, Mapping[str, str]]) -> str:
    """Markdown, a dash where a row has no such cell; a column that no row has is left out."""
    columns = {key: title for key, title in columns.items() if any(key in row for row in rows.values())}
    lines = [f"| {first} | " + " | ".join(columns.values()) + " |", "|---|" + "---:|" * len(columns)]
    for name, row in rows.items():
        lines.append(f"| {name} | " + " | ".join(row.get(key, "–") for key in columns) + " |")
    return "\n".join(lines) + "\n"


def _plain(scores: Mapping) -> dict[str, str]:
    return {name: cell(value) for name, value in scores.items() if not name.endswith("_interval")}


def _with_intervals(scores: Mapping) -> dict[str, str]:
    cells = _plain(scores)
    for name in cells:
        if f"{name}_interval" in scores:
            low, high = scores[f"{name}_interval"]
            cells[name] += f" [{cell(low)}, {cell(high)}]"
    return cells


def _lead_rows(lead: Mapping) -> dict[str, dict[str, str]]:
    rows = {}
    for name, row in lead.items():
        difference = f"{row['difference']:+.3f}"
        if "interval" in row:
            difference += " [{:+.3f}, {:+.3f}]".format(*row["interval"])
        rows[COMPARED[name]] = {"best_other": row["best_other"], "difference": difference}
    return rows


def cell(value: float | int) -> str:
    """Three places behind the point; four of what three would make nothing."""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4f}" if 0 < value < 0.01 else f"{value:.3f}"
