import json

import pytest

from paper_tasks.evaluation.report import AreaScores, EvaluationReport, Lead, SystemScores
from tests import ROOT
from tests.paper_tasks.evaluation.invented import evaluation, evaluation_json


def test_the_json_form_is_the_same_after_reading():
    assert evaluation().to_json() == evaluation_json()


def test_the_report_in_the_repository_is_read_and_written_back_unchanged():
    record = json.loads((ROOT / "results" / "evaluation.json").read_text(encoding="utf-8"))
    report = EvaluationReport.from_json(record)
    assert json.dumps(report.to_json()) == json.dumps(record)
    assert report.shipped_model == "ours, int8" and report.systems["ours, int8"]["micro_f1"] > 0.9


def test_values_that_are_missing_stay_missing():
    scores = SystemScores.from_json({"micro_f1": 0.5, "micro_f1_interval": [0.4, 0.6], "tasks_at_f1_0": 2})
    assert scores.values == {"micro_f1": 0.5, "tasks_at_f1_0": 2} and scores.intervals == {"micro_f1": (0.4, 0.6)}
    assert "micro_f1" in scores and "macro_f1" not in scores
    assert Lead("SVM", 0.1).to_json() == {"best_other": "SVM", "difference": 0.1}
    assert AreaScores(3, 40, micro_f1=0.9).to_json() == {"tasks": 3, "papers": 40, "micro_f1": 0.9}


def test_a_record_without_a_value_is_refused():
    record = evaluation_json()
    del record["systems"]
    with pytest.raises(KeyError, match="systems"):
        EvaluationReport.from_json(record)


def test_labels_have_a_name():
    assert evaluation().labels_name == "distant labels"
    assert evaluation(distant=False).labels_name == "the table's own labels"
