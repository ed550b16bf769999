"""A small evaluation with invented figures."""

from dataclasses import replace

from paper_tasks.evaluation.report import EvaluationReport
from paper_tasks.evaluation.tables import COMPARED, TAGS


def evaluation(**changes) -> EvaluationReport:
    """Two baselines and two models; string matching has no masked scores."""
    return replace(EvaluationReport.from_json(evaluation_json()), **changes)


def evaluation_json() -> dict:
    """The same as it stands in `evaluation.json`."""
    systems = {
        "TF-IDF + linear SVM": _scores(0.62, COMPARED),
        "string matching": _scores(0.5, [name for name in COMPARED if not name.startswith("masked")]),
        "fp32": _scores(0.81, {**COMPARED, **TAGS}),
        "int8": _scores(0.8, {**COMPARED, **TAGS}),
    }
    area = {"tasks": 3, "papers": 40, "micro_f1": 0.9, "macro_f1": 0.7, "keyword_recall_at_5": 0.6}
    bins = [
        {"probability from": low, "mean probability": low + 0.05, "share that is right": low + 0.03, "pairs": 900}
        for low in (0.0, 0.5, 0.9)
    ]
    return {
        "inputs": "papers",
        "shipped": "model",
        "kept": [],
        "notes": {"string matching": "made the labels"},
        "split": "test",
        "papers": 1234,
        "distant": True,
        "near_duplicates_left_out": 5,
        "distant_labels": 2500,
        "keyword_tasks": 60,
        "keyword_tasks_unmentioned": 20,
        "keyword_tasks_own": 30,
        "keyword_tasks_own_unmentioned": 6,
        "models": ["fp32", "int8"],
        "systems": systems,
        "lead": {"micro_f1": {"best_other": "string matching", "difference": -0.125, "interval": [-0.15, -0.1]}},
        "areas": {"int8": {"language": area, "audio": area | {"masked_recall_at_5": 0.25}}},
        "reliability": {"fp32": bins, "int8": bins},
        "reliability_masked": {"fp32": bins[1:], "int8": bins[1:]},
    }


def _scores(value: float, names) -> dict:
    scores = dict.fromkeys(names, value)
    return scores | {f"{name}_interval": [value - 0.01, value + 0.01] for name in names} | {"tasks_at_f1_0": 2}
