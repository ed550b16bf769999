"""The invented papers that the repository ships for training."""

import json
from collections import Counter

import pytest

from paper_tasks.data import vocabulary
from paper_tasks.data.distant_labels import Labeller
from paper_tasks.data.paper_ids import paper_id
from tests import ROOT

FOLDER = ROOT / "csv_files" / "invented_papers"


@pytest.fixture(scope="module")
def papers():
    return [json.loads(line) for line in (FOLDER / "train.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def named(papers):
    """The canonical tasks that each text names."""
    labeller, tasks = Labeller(), vocabulary.tasks()
    found = (labeller.text_tasks(paper["title"], paper["abstract"]) for paper in papers)
    return [{tasks[index].canonical for index in indices} for indices in found]


def test_each_paper_is_there_once(papers):
    assert all(paper["id"] == paper_id(paper["title"] or paper["abstract"]) for paper in papers)
    assert len({paper["id"] for paper in papers}) == len({paper["abstract"] for paper in papers}) == len(papers)
    assert {paper["split"] for paper in papers} == {"train"}


def test_names_are_canonical_and_in_one_list(papers):
    canonical = {task.canonical for task in vocabulary.tasks() if task.is_task}
    for paper in papers:
        assert {*paper["main"], *paper["ok"], *paper["named"]} <= canonical, paper["title"]
        lists = [*paper["main"], *paper["ok"], *paper["named"]]
        assert len(set(lists)) == len(lists), paper["title"]


def test_plain_papers_do_not_name_their_tasks(papers, named):
    plain = [(paper, tasks) for paper, tasks in zip(papers, named, strict=True) if paper["kind"] == "plain"]
    assert [paper["title"] for paper, tasks in plain if tasks & {*paper["main"]}] == []
    assert all(paper["main"] for paper, _ in plain)


def test_nearly_every_task_has_papers_of_both_kinds(papers):
    canonical = {task.canonical for task in vocabulary.tasks() if task.is_task}
    plain = Counter(task for paper in papers if paper["kind"] == "plain" for task in paper["main"])
    passing = Counter(task for paper in papers if paper["kind"] == "passing" for task in paper["named"])
    assert {task for task in canonical if plain[task] < 5} == set()
    assert {task for task in canonical if passing[task] < 2} == set()


def test_no_behaviour_case_is_among_them(papers):
    path = ROOT / "tests" / "paper_tasks" / "tagger" / "behaviour_cases.jsonl"
    cases = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert {case["abstract"] for case in cases}.isdisjoint(paper["abstract"] for paper in papers)
    assert {case["title"] for case in cases}.isdisjoint(paper["title"] for paper in papers)
