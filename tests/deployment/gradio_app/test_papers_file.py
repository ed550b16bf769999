import csv
import json

import pytest

from deployment.gradio_app.papers_file import SUFFIXES, TaggedRow, count_tasks, read, tag, write
from paper_tasks.errors import InputError
from paper_tasks.io.rows import TAG_COLUMNS, Row, paper_texts
from paper_tasks.tagger.classifier import OK, Tag


def file(folder, content, name="papers.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    return path


def test_csv_rows_with_their_lines(tmp_path):
    rows, broken = read(file(tmp_path, '\ufeffTitle , venue,abstract\r\nA,x,"two\nlines"\r\n\r\nB,,\r\n'))
    assert rows == [
        Row(2, {"Title": "A", "venue": "x", "abstract": "two\nlines"}),
        Row(5, {"Title": "B", "venue": "", "abstract": ""}),
    ]
    assert (paper_texts(rows[0].values), broken) == (("A", "two\nlines"), [])


def test_json_rows_with_their_lines(tmp_path):
    lines = ['{"title": "A", "year": 2020}', "", '{"abstract": "B\u2028C", "title": null}']
    rows, broken = read(file(tmp_path, "\n".join(lines), "papers.JSONL"))
    assert rows == [Row(1, {"title": "A", "year": 2020}), Row(3, {"abstract": "B\u2028C", "title": None})]
    assert broken == []


def test_of_two_spellings_of_a_column_the_filled_one_counts(tmp_path):
    rows, broken = read(file(tmp_path, "Title,title\n,A\nB,\n,\n"))
    assert [paper_texts(row.values)[0] for row in rows] == ["A", "B"] and [row.line for row in broken] == [4]


def test_broken_rows_of_a_csv_are_listed_with_line_and_reason(tmp_path):
    content = b'title,abstract\nok,ok\none\n"a" b,c\n\xff,x\n , ...\nlast,ok\n'
    rows, broken = read(file(tmp_path, content))
    assert [row.line for row in rows] == [2, 7]
    assert [(row.position, row.problem.partition(" (")[0]) for row in broken] == [
        ("line 3", "has 1 cells where the header has 2"),
        ("line 4", "cannot be read as CSV"),
        ("line 5, column 'title'", "is not UTF-8"),
        ("line 6", "has no words in title and abstract"),
    ]


def test_how_far_a_stray_quotation_mark_reaches_is_said(tmp_path):
    path = tmp_path / "papers.csv"
    path.write_text('title\none\n"two\nthree\n"four\nfive\n', encoding="utf-8")
    rows, broken = read(path)
    assert [row.values["title"] for row in rows] == ["one", "five"]
    assert broken[0].line == 3 and broken[0].problem.startswith("cannot be read as CSV, nor what follows up to line 5")


def test_odd_but_readable_json(tmp_path):
    path = tmp_path / "papers.jsonl"
    path.write_bytes(
        b'{"Title": "", "title": "A"}\n{"title": "B \\udc80"}\n{"title": "C", "n": 1e999}\n{"title": "\xff"}\n'
    )
    rows, broken = read(path)
    assert [paper_texts(row.values)[0] for row in rows] == ["A", "B \udc80"]
    assert [(row.line, row.problem) for row in broken] == [
        (3, "is not JSON (1e999 is not a number of JSON)"),
        (4, "is not UTF-8"),
    ]


def test_broken_rows_of_json_lines_are_listed_with_line_and_reason(tmp_path):
    lines = ["{", "[]", '{"title": 5}', '{"abstract": "?"}', "[" * 100_000, '{"title": "ok"}', "9" * 5_000]
    rows, broken = read(file(tmp_path, "\n".join(lines), "papers.jsonl"))
    assert [row.line for row in rows] == [6]
    assert [(row.position, row.problem.partition(" (")[0]) for row in broken] == [
        ("line 1", "is not JSON"),
        ("line 2", "is not a JSON object"),
        ("line 3, column 'title'", "is not text"),
        ("line 4", "has no words in title and abstract"),
        ("line 5", "has more than 100 lists or objects in each other"),
        ("line 7", "is not JSON"),
    ]


@pytest.mark.parametrize(
    "content, name, words",
    [
        ("title\n" + "x\n" * 2_001, "papers.csv", "more than 2,000 rows"),
        ("{}\n" * 2_001, "papers.jsonl", "more than 2,000 rows"),
        (b" " * 5_000_001, "papers.csv", "more than 5 MB"),
        ("title\n", "papers.csv", "has no rows"),
        ("title\na\n", "papers.xlsx", "neither .csv nor .jsonl"),
        ("\n", "papers.jsonl", "is empty"),
        ("\ufeff", "papers.csv", "is empty"),
        ("title,abstract\na,b\n".encode("utf-16"), "papers.csv", "is UTF-16; save it as UTF-8"),
        ("\ufefftitle\na\n".encode("utf-16-be"), "papers.csv", "is UTF-16; save it as UTF-8"),
        (b"PK\x03\x04\x14\0\x06\0", "papers.csv", "is a spreadsheet or an archive, not text; save it as CSV"),
        (
            "id;Title;abstract\n1;a;b, c\n",
            "papers.csv",
            "by semicolons; save it as CSV with commas",
        ),
        ('"title";"abstract"\n"a";"b"\n', "papers.csv", "separates its columns by semicolons"),
        ("Abstract\tyear\na\t2020\n", "papers.csv", "separates its columns by tabs"),
        ("name;text\na;b\n", "papers.csv", "separates its columns by semicolons"),
        ("name,text\na,b\n", "papers.csv", "no column 'title' or 'abstract'"),
        ('"title', "papers.csv", "its first line cannot be read"),
        ("title,title\na,b\n", "papers.csv", "the column 'title' is there more than once"),
        (
            "title," + ",".join(f"c{index}" for index in range(50)) + "\n" + "a," * 50 + "\n",
            "papers.csv",
            "50 different",
        ),
        ("\n".join(json.dumps({"title": "a", str(index): 1}) for index in range(50)), "papers.jsonl", "50 different"),
    ],
)
def test_a_file_that_cannot_be_used_gets_one_sentence(tmp_path, content, name, words):
    with pytest.raises(InputError) as caught:
        read(file(tmp_path, content, name))
    assert words in str(caught.value) and str(caught.value).startswith(name) and "\n" not in str(caught.value)


TAGGED = [
    TaggedRow(
        Row(2, {"title": "=1+1", "abstract": "a\n@b", "year": -3}),
        [Tag("Image Captioning", 0.91234567), Tag("Robots", 0.7, OK)],
    ),
    TaggedRow(Row(3, {"title": "＋x", "abstract": "\udcffé", "note": None}), []),
]


def test_csv_keeps_all_columns_and_defuses_formulas(tmp_path):
    path = tmp_path / "out.csv"
    write(path, TAGGED)
    with path.open(newline="", encoding="utf-8") as lines:
        first, second = csv.DictReader(lines)
    assert first["title"] == "'=1+1" and first["abstract"] == "a\n@b" and first["year"] == "'-3"
    assert json.loads(first["predicted_tasks"]) == ["Image Captioning"] and first["probabilities"] == "[0.9123]"
    assert json.loads(first["also_tasks"]) == ["Robots"] and first["also_probabilities"] == "[0.7]"
    assert second["title"] == "'＋x" and second["note"] == "" and second["predicted_tasks"] == "[]"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_or_column_starts_a_formula(tmp_path, start):
    path = tmp_path / "out.csv"
    write(path, [TaggedRow(Row(2, {"title": "a", f"{start}x": f"{start}1"}), [])])
    with path.open(newline="", encoding="utf-8") as lines:
        assert all(not cell.startswith(tuple("=+-@\t\r")) for row in csv.reader(lines) for cell in row)


def test_json_lines_keep_all_columns(tmp_path):
    path = tmp_path / "out.jsonl"
    write(path, TAGGED)
    first, second = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    added = {"predicted_tasks": ["Image Captioning"], "probabilities": [0.9123]}
    assert first == TAGGED[0].row.values | added | {"also_tasks": ["Robots"], "also_probabilities": [0.7]}
    assert second == TAGGED[1].row.values | {column: [] for column in TAG_COLUMNS}


def test_what_was_tagged_can_be_tagged_again(tmp_path):
    for suffix in SUFFIXES:
        path = tmp_path / f"out{suffix}"
        write(path, TAGGED[:1])
        rows, broken = read(path)
        write(path, [TaggedRow(row, []) for row in rows])
        assert not broken and read(path)[0][0].values.keys() == rows[0].values.keys()


def test_count_tasks():
    papers = [["B", "A"], ["A"], ["C"], []]
    tagged = [TaggedRow(Row(1, {}), [*(Tag(task, 0.5) for task in tasks), Tag("D", 0.5, OK)]) for tasks in papers]
    assert count_tasks(tagged) == [("A", 2), ("B", 1), ("C", 1)]


def test_each_row_gets_its_own_tasks_in_order(classifier):
    titles = ["Pedestrian Detection", "Machine Translation", "Question Answering"] * 7
    chunks = list(tag(classifier, [Row(index, {"TITLE": title}) for index, title in enumerate(titles)]))
    assert [len(chunk) for chunk in chunks] == [16, 5]
    tagged = [row for chunk in chunks for row in chunk]
    assert [row.values["TITLE"] for row, _ in tagged] == titles
    assert all(row.values["TITLE"] in [tag.task for tag in tags] for row, tags in tagged)
