"""The form of behaviour_cases.jsonl: papers, invented before a training, that a later measurement of a model reads.

Half of them name a task only in passing, which the model must not show (`never`). The other half work on a task without
naming it, and the model must show at least one of `main`.
"""

import json
from collections import Counter
from pathlib import Path

import pytest

from paper_tasks.data import vocabulary
from paper_tasks.data.distant_labels import Labeller

CASES = [json.loads(line) for line in Path(__file__).with_name("behaviour_cases.jsonl").read_text("utf-8").splitlines()]
PASSING = [case for case in CASES if case["kind"] == "named in passing"]
UNNAMED = [case for case in CASES if case["kind"] == "not named"]


@pytest.fixture(scope="module")
def named():
    """The canonical tasks that each case's text names, by the id of the case."""
    labeller, tasks = Labeller(), vocabulary.tasks()
    return {
        case["id"]: {tasks[index].canonical for index in labeller.text_tasks(case["title"], case["abstract"])}
        for case in CASES
    }


def test_there_are_forty_of_each_kind():
    assert Counter(case["kind"] for case in CASES) == {"named in passing": 40, "not named": 40}
    assert len({case["id"] for case in CASES}) == 80
    assert len({case["abstract"] for case in CASES}) == 80
    assert all(list(case) == ["id", "kind", "title", "abstract", "main", "never", "why"] for case in CASES)
    assert all(case["why"] for case in CASES)


def test_every_task_is_a_canonical_name():
    canonical = {task.canonical for task in vocabulary.tasks() if task.is_task}
    assert {task for case in CASES for task in case["main"] + case["never"]} <= canonical
    assert all(set(case["main"]).isdisjoint(case["never"]) for case in CASES)


@pytest.mark.parametrize(("cases", "shortest", "longest"), [(PASSING, 40, 120), (UNNAMED, 25, 70)])
def test_abstracts_have_a_realistic_length(cases, shortest, longest):
    assert [case["id"] for case in cases if not shortest <= len(case["abstract"].split()) <= longest] == []


def test_what_is_named_in_passing_is_named(named):
    assert all(case["never"] for case in PASSING)
    assert sum(set(case["never"]) <= named[case["id"]] for case in PASSING) >= 30


def test_what_is_not_named_is_not(named):
    assert all(case["main"] for case in UNNAMED)
    assert [case["id"] for case in UNNAMED if named[case["id"]] & set(case["main"])] == []


def test_what_is_not_named_is_of_many_kinds():
    assert len({case["main"][0] for case in UNNAMED}) >= 30
