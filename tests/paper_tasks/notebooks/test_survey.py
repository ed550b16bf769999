import json

import numpy as np
import pandas as pd
import pytest

from paper_tasks.data.prepared_folder import SPLITS, read_labels, read_split
from paper_tasks.notebooks import survey

TASKS = [["A", "B"], ["A"], ["A", "A"], [], ["C", "B"]]


def test_columns_count_filled_cells():
    papers = pd.DataFrame({"title": ["x", "y"], "tasks": ["[]", '["A"]'], "date": ["", " "]}, dtype="str")
    table = survey.columns(papers)
    assert table["filled"].to_dict() == {"title": 2, "tasks": 1, "date": 0}
    assert table["%"].to_dict() == {"title": 100, "tasks": 50, "date": 0}
    assert table["for example"].to_dict() == {"title": "x", "tasks": '["A"]', "date": ""}


def test_a_task_counts_once_a_paper():
    assert survey.task_counts(TASKS).to_dict() == {"A": 3, "B": 2, "C": 1}
    assert survey.task_counts([[], []]).empty


def test_the_originals_counts():
    counts = survey.original_counts()
    assert len(counts) == 2186 and (counts >= 30).sum() == 260
    assert counts.is_monotonic_decreasing


def test_tasks_and_papers_that_a_threshold_leaves():
    table = survey.threshold_effects(TASKS, [1, 2, 3, 4])
    assert table["tasks"].tolist() == [3, 2, 1, 0]
    assert table["papers"].tolist() == [4, 4, 3, 0]
    assert table["tasks per paper"].tolist() == [1.5, 1.25, 1.0, 0.0]
    assert survey.threshold_effects(TASKS, [30])["tasks in the original"].tolist() == [260]


def test_tasks_of_the_same_papers():
    shares = survey.together(TASKS, ["A", "B", "C"])
    assert shares.loc["A", "B"] == pytest.approx(1 / 3) and shares.loc["B", "A"] == 0.5
    assert shares.loc["C", "B"] == 1 and np.isnan(shares.loc["A", "A"])


def test_spellings_of_one_task_are_listed():
    table = survey.spellings(pd.Series({"object-detection": 1200, "Object Detection": 3, "Atari Games": 9}))
    assert table.index.tolist() == ["Object Detection"]
    assert table["spellings"].tolist() == [2]
    assert "object-detection (1,200)" in table["papers by spelling"].iloc[0]


def test_correlation_with_the_original():
    original = survey.original_counts()
    both, correlation = survey.against_original(original * 7)
    assert len(both) == 2186 and correlation == pytest.approx(1)
    both, correlation = survey.against_original(pd.Series({"Object Detection": 5, "unheard of": 5}))
    assert both.index.tolist() == ["Object Detection"] and np.isnan(correlation)


def test_balance_is_the_share_of_each_split(prepared):
    balance = survey.split_balance(prepared)
    assert list(balance) == list(SPLITS) and balance.index.tolist() == read_labels(prepared)
    dev = read_split(prepared, "dev")["tasks"]
    task = balance.index[0]
    assert balance.loc[task, "dev"] == pytest.approx(100 * np.mean([task in tasks for tasks in dev]))


def test_counts_and_labels_are_written_as_the_original_did(tmp_path):
    survey.write_tasks(survey.task_counts(TASKS), ["B", "A"], tmp_path / "json_files")
    counts = json.loads((tmp_path / "json_files/task_counts.json").read_text(encoding="utf-8"))
    index = json.loads((tmp_path / "json_files/task_types_encoded.json").read_text(encoding="utf-8"))
    assert counts == {"A": 3, "B": 2, "C": 1} and index == {"B": 0, "A": 1}
