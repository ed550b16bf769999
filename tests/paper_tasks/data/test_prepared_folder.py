import json
from dataclasses import replace

import pandas as pd
import pytest

from paper_tasks.data.prepared_folder import (
    PreparationReport,
    held_out_sets,
    in_every_spelling,
    label_matrix,
    multi_hot,
    read_report,
    read_split,
)
from paper_tasks.errors import InputError

REPORT = PreparationReport(
    source="papers.csv",
    options={"min_papers": 30},
    labels="the column 'tasks'",
    split="drawn",
    papers_read=10,
    papers_without_a_word_dropped=0,
    duplicates_dropped=1,
    papers_without_a_kept_task_dropped=1,
    held_out_papers_without_a_kept_task_dropped=None,
    papers_train=6,
    papers_dev=1,
    papers_test=1,
    tasks_found=3,
    tasks_kept=2,
    tasks_per_paper=1.5,
    papers_per_task={"Object Detection": 8, "NMT": 4},
)


@pytest.mark.parametrize("dropped", [None, 2])
def test_a_report_is_read_as_it_was_written(tmp_path, dropped):
    report = replace(REPORT, held_out_papers_without_a_kept_task_dropped=dropped)
    (tmp_path / "report.json").write_text(json.dumps(report.to_json()), encoding="utf-8")
    assert read_report(tmp_path) == report and not report.is_distant


@pytest.mark.parametrize("changes", [{"tasks": 3}, None])
def test_a_report_of_another_version_gets_one_sentence(tmp_path, changes):
    record = {"source": "papers.csv"} if changes is None else REPORT.to_json() | changes
    (tmp_path / "report.json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(InputError, match="another version; run paper-tasks prepare"):
        read_report(tmp_path)


def test_missing_split_names_the_command(tmp_path):
    with pytest.raises(InputError, match="paper-tasks prepare"):
        read_split(tmp_path, "train")


def test_multi_hot():
    assert multi_hot([["b"], [], ["a", "x"]], ["a", "b"]).tolist() == [[0, 1], [0, 0], [1, 0]]


def test_where_labels_were_read_a_task_stands_for_its_spellings():
    labels = ["Object Detection", "object-detection", "Atari Games"]
    assert in_every_spelling([["Object Detection"], ["Translation"]], labels) == [labels[:2], []]
    papers = pd.DataFrame({"tasks": [["Object Detection"], ["Atari Games"]]})
    assert label_matrix(papers, labels).tolist() == [[1, 0, 0], [0, 0, 1]]
    assert label_matrix(papers.assign(labels="read"), labels).tolist() == [[1, 1, 0], [0, 0, 1]]


def test_the_sets_of_a_split_are_those_that_exist(tmp_path):
    for name in ("dev", "test", "modern_test"):
        (tmp_path / f"{name}.csv").touch()
    assert held_out_sets(tmp_path, "dev") == {"read": "dev"}
    assert held_out_sets(tmp_path, "test") == {"read": "test", "modern": "modern_test"}
