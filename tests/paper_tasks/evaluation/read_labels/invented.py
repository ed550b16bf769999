"""A small evaluation on read labels with invented figures."""

from dataclasses import replace

from paper_tasks.evaluation.read_labels.report import ReadEvaluationReport
from paper_tasks.evaluation.read_labels.tables import BOTH_LEVELS, COLUMNS, COMPARED, COMPARED_POSITIVES


def read_evaluation(**changes) -> ReadEvaluationReport:
    """Three baselines and two models."""
    return replace(ReadEvaluationReport.from_json(read_evaluation_json()), **changes)


def read_evaluation_json() -> dict:
    """The same as it stands in `read_evaluation.json`."""
    bins = [
        {"probability from": low, "mean probability": low + 0.05, "share that is right": low + 0.03, "pairs": 90}
        for low in (0.5, 0.9)
    ]
    lead = {"f1": {"best_other": "TF-IDF + linear SVM", "difference": 0.2, "interval": [0.15, 0.25]}}
    return {
        "inputs": "papers",
        "shipped": "model",
        "split": "test",
        "sets": {
            "read": {"papers": 1600, "tasks": 900, "without_task": 150, "unmentioned": 0, "complete": 0},
            "modern": {"papers": 300, "tasks": 310, "without_task": 40, "unmentioned": 0, "complete": 0},
            "positives": {"papers": 1228, "tasks": 1500, "without_task": 0, "unmentioned": 400, "complete": 51},
        },
        "models": ["fast", "int8"],
        "notes": {"string matching": "knows names alone"},
        "systems": {
            "string matching": _sets(0.6, COMPARED),
            "TF-IDF + linear SVM": _sets(0.7, COMPARED),
            "TF-IDF + linear SVM, per-task thresholds": _sets(0.71, COMPARED),
            "fast": _sets(0.8, COLUMNS),
            "int8": _sets(0.9, COLUMNS | BOTH_LEVELS),
        },
        "lead": {"read": lead, "modern": {}, "positives": {"recall_at_5": {"best_other": "SVM", "difference": -0.02}}},
        "reliability": {"fast": bins, "int8": bins},
        "kept": [],
    }


def _sets(value: float, names) -> dict:
    return {
        "read": _scores(value, names),
        "modern": _scores(value - 0.05, names),
        "positives": _scores(value - 0.1, COMPARED_POSITIVES),
    }


def _scores(value: float, names) -> dict:
    scores = {}
    for name in names:
        scores |= {name: value, f"{name}_interval": [value - 0.01, value + 0.01]}
    return scores
