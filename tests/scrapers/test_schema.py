import csv
import io
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paper_tasks.errors import InputError
from paper_tasks.io.cells import FORMULA_STARTS
from scrapers.schema import (
    COLUMNS,
    LISTS,
    PROBLEM_COLUMNS,
    Paper,
    create_csv,
    read_papers,
    read_problems,
    write_rows,
)

# Any text that has UTF-8, with a preference for what CSV and JSON treat specially.
TEXT = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("\",;'\r\n\t\0\\[]=\u2028\x85")))
PAPERS = st.builds(Paper, **{name: st.lists(TEXT, max_size=3) if name in LISTS else TEXT for name in COLUMNS})


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("schema") / "papers.csv"


def write(path, papers, excel_safe=False):
    with create_csv(path) as file:
        write_rows(file, [COLUMNS])
        return write_rows(file, (paper.cells() for paper in papers), excel_safe)


@settings(deadline=None)
@given(st.lists(PAPERS, max_size=4))
def test_csv_out_csv_in_is_the_identity(path, papers):
    assert write(path, papers) == len(papers)
    assert list(read_papers(path)) == papers


@settings(deadline=None)
@given(st.lists(PAPERS, max_size=4))
def test_pythons_own_reader_agrees(path, papers):
    write(path, papers)
    with path.open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [COLUMNS, *(paper.cells() for paper in papers)]


def test_a_lone_surrogate_is_replaced(path):
    write(path, [Paper("u", "\ud800", "a")])
    (paper,) = read_papers(path)
    assert paper.title == "?"


@given(TEXT)
def test_excel_safe_leaves_no_formula(text):
    file = io.StringIO(newline="")
    write_rows(file, [[text, "x"]], excel_safe=True)
    ((cell, _),) = csv.reader(io.StringIO(file.getvalue(), newline=""))
    assert not cell.startswith(FORMULA_STARTS) and cell in (text, "'" + text)


@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_formulas(path, start):
    papers = [Paper("u", f"{start}HYPERLINK(1)", "An = b", tasks=["=1+1"])]
    write(path, papers, excel_safe=True)
    (paper,) = read_papers(path)
    assert paper.title == f"'{start}HYPERLINK(1)" and (paper.abstract, paper.tasks) == ("An = b", ["=1+1"])
    write(path, papers)
    assert list(read_papers(path)) == papers


def test_columns_are_the_originals_and_a_few_more():
    original = ["URLs", "title", "abstract", "datasets_used", "dataset_links", "methods", "tasks"]
    assert [*original, "arxiv_id", "date", "venue", "keywords", "source"] == COLUMNS
    assert list(asdict(Paper("", "", ""))) == COLUMNS


def test_the_original_projects_csv_is_read(path):
    path.write_text(
        ",URLs,title,abstract,datasets_used,dataset_links,methods,tasks\n"
        '0,https://x/1,One,"A, b","[\'COCO\']",[],"[""Adam\'s"", \'SGD\']","[\'Navigate\']"\n',
        encoding="utf-8",
    )
    (paper,) = read_papers(path)
    assert paper == Paper(
        "https://x/1", "One", "A, b", datasets_used=["COCO"], methods=["Adam's", "SGD"], tasks=["Navigate"]
    )


@pytest.mark.parametrize(
    "content, words",
    [
        (b"title,other\na,b\n", "no column 'abstract'"),
        (b"title,abstract\na\n", "line 2: has 1 cells"),
        (b"title,abstract,tasks\na,b,[1]\n", "line 2, column 'tasks': is not a list of texts"),
        (b'title,abstract,tasks\na,b,"[__import__(""os"").getcwd()]"\n', "is not a list"),
        (b'title,abstract\na,b\n"c,d\n', "line 3: cannot be read as CSV"),
        (b"title,abstract\n\xff,b\n", "is not UTF-8"),
        (b"", "is empty"),
        (b"\x1f\x8b\x08\0\0\0", "is not CSV"),
    ],
)
def test_other_tables_are_refused(path, content, words):
    path.write_bytes(content)
    with pytest.raises(InputError, match=words.replace("(", r"\(")):
        list(read_papers(path))


def test_problems(path):
    rows = [["https://x/1", "HTTP 500", "https://y/1"], ["https://x/2", 'no "title"', ""]]
    with create_csv(path) as file:
        write_rows(file, [PROBLEM_COLUMNS, *rows])
    assert [(problem.url, problem.reason, problem.fetched_from) for problem in read_problems(path)] == list(
        map(tuple, rows)
    )
    assert read_problems(path.with_name("absent.csv")) == []
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="no column"):
        read_problems(path)


def test_the_folder_of_a_csv_is_made(tmp_path):
    with create_csv(tmp_path / "folder" / "a.csv") as file:
        write_rows(file, [["a", "ü"]])
    assert (tmp_path / "folder" / "a.csv").read_bytes() == "a,ü\r\n".encode()
    with pytest.raises(InputError, match="cannot be written"), create_csv(tmp_path / "folder" / "a.csv" / "b.csv"):
        pass
