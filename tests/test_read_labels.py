"""The labels that ship: their form, their names, and that no paper is in two files."""

import json
from collections import Counter

import pytest

from paper_tasks.data import vocabulary
from paper_tasks.data.paper_ids import paper_id
from tests import ROOT, markdown

FOLDER = ROOT / "csv_files" / "read_labels"
CANONICAL = {task.canonical for task in vocabulary.tasks() if task.is_task}
PAPERS = {
    path.stem: [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for path in sorted(FOLDER.glob("*.jsonl"))
}


@pytest.mark.parametrize("name", PAPERS)
def test_labels_are_facts_in_canonical_names(name):
    for paper in PAPERS[name]:
        assert paper.keys() == {"id", "title", "main", "ok"}
        assert paper["id"] == paper_id(paper["title"])
        assert {*paper["main"], *paper["ok"]} <= CANONICAL
        assert max(Counter(paper["main"] + paper["ok"]).values(), default=1) == 1


def test_no_paper_is_there_twice():
    assert max(Counter(paper["id"] for papers in PAPERS.values() for paper in papers).values()) == 1


def test_the_card_says_how_many_papers_each_file_has():
    card = {row[0].strip("`"): row[1:] for row in markdown.rows(markdown.read(FOLDER / "README.md")) if len(row) == 4}
    for name, papers in PAPERS.items():
        without = sum(not paper["main"] for paper in papers) / len(papers)
        assert card[f"{name}.jsonl"][:2] == [f"{len(papers):,}", f"{without:.0%}"]
    assert f"{sum(map(len, PAPERS.values())):,} papers" in markdown.read(FOLDER / "README.md")


def test_the_guideline_has_the_vocabulary():
    section = markdown.read(FOLDER / "GUIDELINE.md").partition("## Vocabulary")[2]
    areas = dict(line[2:].split(": ", 1) for line in section.splitlines() if line.startswith("- "))
    assert {area: set(names.split("; ")) for area, names in areas.items()} == {
        task.area: {other.canonical for other in vocabulary.tasks() if other.is_task and other.area == task.area}
        for task in vocabulary.tasks()
        if task.is_task
    }
