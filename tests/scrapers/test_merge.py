import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paper_tasks.errors import InputError
from paper_tasks.io.arxiv import arxiv_number
from scrapers.merge import merge, richest
from scrapers.schema import COLUMNS, Paper, create_csv, read_papers, write_rows


def write(path, papers):
    with create_csv(path) as file:
        write_rows(file, [COLUMNS, *(paper.cells() for paper in papers)])
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("merge")


@pytest.fixture
def merged(folder):
    def run(*tables):
        paths = [write(folder / f"{number}.csv", papers) for number, papers in enumerate(tables)]
        rows, papers = merge(paths, folder / "out.csv")
        result = list(read_papers(folder / "out.csv"))
        assert rows == sum(map(len, tables)) and papers == len(result)
        return result

    return run


def test_by_number(merged):
    first = Paper("u1", "On Things", "Short.", arxiv_id="2001.00001", tasks=["A"])
    second = Paper("u2", "On Things, Revised", "Longer by far.", arxiv_id="2001.00001v3", tasks=["B", "A"])
    (paper,) = merged([first], [second])
    assert (paper.URLs, paper.title, paper.abstract) == ("u1", "On Things", "Longer by far.")
    assert paper.tasks == ["A", "B"]


def test_by_title(merged):
    papers = merged(
        [Paper("u1", "On Things: A Study", "a", venue="X")],
        [Paper("u2", "On things – a study.", "b", date="2021-01-01")],
    )
    assert [(paper.URLs, paper.venue, paper.date) for paper in papers] == [("u1", "X", "2021-01-01")]


def test_a_row_without_number_finds_the_one_with_it(merged):
    with_number = Paper("u1", "On Things", "a", arxiv_id="2001.00001", tasks=["A"])
    without = Paper("u2", "On things", "a", keywords=["k"])
    for tables in ([[without], [with_number]], [[with_number], [without]], [[without, with_number, without]]):
        (paper,) = merged(*tables)
        assert (paper.arxiv_id, paper.tasks, paper.keywords) == ("2001.00001", ["A"], ["k"])


def test_two_numbers_are_two_papers(merged):
    papers = merged(
        [Paper("u1", "Editorial", "a", arxiv_id="2001.00001"), Paper("u2", "Editorial", "b", arxiv_id="2001.00002")]
    )
    assert len(papers) == 2


def test_titles_without_letters(merged):
    assert len(merged([Paper("u1", "???", "a"), Paper("u2", "!!!", "b"), Paper("u1", "...", "c")])) == 2
    assert len(merged([Paper("", "?", "a"), Paper("", "!", "b")])) == 2
    assert len(merged([Paper("u1", "图像", "a"), Paper("u2", "语音", "b")])) == 2


def test_datasets_stay_beside_their_addresses():
    paper = richest(
        [
            Paper("u", "t", "a", datasets_used=["COCO"], dataset_links=["l1"], source="x"),
            Paper("u", "t", "a", datasets_used=["COCO", "VOC"], dataset_links=["l1", "l2"], source="y"),
            Paper("u", "t", "a", source="x; y; z"),
        ]
    )
    assert (paper.datasets_used, paper.dataset_links, paper.source) == (["COCO", "VOC"], ["l1", "l2"], "x; y; z")


NAMES = st.sampled_from(["", "a", "b", "A!", "c d", "?"])
NUMBERS = st.sampled_from(["", "", "2001.00001", "2001.00002v2", "nonsense"])
PAPERS = st.builds(Paper, URLs=NAMES, title=NAMES, abstract=NAMES, arxiv_id=NUMBERS, tasks=st.lists(NAMES, max_size=2))


@settings(deadline=None, max_examples=40)
@given(tables=st.lists(st.lists(PAPERS, min_size=1, max_size=4), min_size=1, max_size=3))
def test_merging_again_changes_nothing_and_loses_nothing(folder, tables):
    paths = [write(folder / f"{number}.csv", papers) for number, papers in enumerate(tables)]
    merge(paths, folder / "once.csv")
    merge([folder / "once.csv"], folder / "twice.csv")
    assert (folder / "once.csv").read_bytes() == (folder / "twice.csv").read_bytes()
    rows, merged = [paper for papers in tables for paper in papers], list(read_papers(folder / "once.csv"))
    assert {task for row in rows for task in row.tasks} == {task for paper in merged for task in paper.tasks}
    numbers = [number for paper in merged if (number := arxiv_number(paper.arxiv_id))]
    assert len(set(numbers)) == len(numbers)
    assert {arxiv_number(row.arxiv_id) for row in rows} - {""} == set(numbers)


def test_an_input_may_be_the_output(folder):
    path = write(folder / "same.csv", [Paper("u1", "a", "b"), Paper("u2", "a", "c")])
    assert merge([path], path) == (2, 1)


def test_tables_that_are_no_csv(folder):
    row = {"URLs": "u1", "title": "A", "abstract": "b", "tasks": ["x"], "venue": None}
    (folder / "a.jsonl").write_text(json.dumps(row) + "\n")
    pq.write_table(pa.Table.from_pylist([row | {"tasks": ["y"]}]), folder / "b.parquet")
    assert merge([folder / "a.jsonl", folder / "b.parquet"], folder / "out.csv") == (2, 1)
    assert [(paper.title, paper.tasks) for paper in read_papers(folder / "out.csv")] == [("A", ["x", "y"])]


def test_a_broken_row_ends_it_and_leaves_no_file(tmp_path):
    (tmp_path / "a.csv").write_text("title,abstract\na\n")
    with pytest.raises(InputError, match=r"a\.csv, line 2"):
        merge([tmp_path / "a.csv"], tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
