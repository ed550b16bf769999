import pytest

from paper_tasks.evaluation.read_labels.report import ReadEvaluationReport
from tests.paper_tasks.evaluation.read_labels.invented import read_evaluation, read_evaluation_json


def test_the_json_form_is_the_same_after_reading():
    assert read_evaluation().to_json() == read_evaluation_json()


def test_scores_are_found_by_set():
    report = read_evaluation()
    assert report.shipped_model == "int8" and report.on("read")["int8"]["f1"] == 0.9
    assert report.on("elsewhere") == {}


@pytest.mark.parametrize("key", ["sets", "systems", "reliability"])
def test_a_record_without_a_value_is_refused(key):
    record = read_evaluation_json()
    del record[key]
    with pytest.raises(KeyError, match=key):
        ReadEvaluationReport.from_json(record)
