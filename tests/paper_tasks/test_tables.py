import gzip
import lzma

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_tasks import tables
from paper_tasks.errors import InputError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
ROWS = [{"title": "A", "abstract": 'with "quotes", and\nlines'}, {"title": "Ünïcödé", "abstract": ""}]


def write(path, rows, **options):
    with path.open("wb") as file, tables.RowWriter(file, path, **options) as writer:
        writer.write(rows)
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet"])
def test_what_is_written_is_read_back(tmp_path, name):
    path = write(tmp_path / name, ROWS)
    assert [row.values for row in tables.read_rows(path)] == ROWS
    assert tables.read_table(path).to_dict("records") == ROWS


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet"])
@given(cells=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5))
def test_any_text_survives(tmp_path_factory, name, cells):
    rows = [{"title": title, "abstract": abstract} for title, abstract in cells]
    path = write(tmp_path_factory.mktemp("any") / name, rows)
    assert [row.values for row in tables.read_rows(path)] == rows


@pytest.mark.parametrize("opener, suffix", [(gzip.open, ".gz"), (lzma.open, ".xz")])
def test_compressed_files_are_read(tmp_path, opener, suffix):
    path = tmp_path / f"t.csv{suffix}"
    with opener(path, "wb") as file:
        file.write(b"title,abstract\nA,B\n")
    assert [row.values for row in tables.read_rows(path)] == [{"title": "A", "abstract": "B"}]
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(InputError, match=r"damaged"):
        list(tables.read_rows(path))


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"\xef\xbb\xbftitle,abstract\r\nA,B\r\n")
    assert next(tables.read_rows(path)).values == {"title": "A", "abstract": "B"}


def test_a_broken_row_does_not_hide_the_others(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b'title,abstract\nA,B\nonly one\nC,\xff\nD,"x"y\n"E\nE",F\n')
    rows = list(tables.read_rows(path))
    assert [row.line for row in rows] == [2, 3, 4, 5, 6]
    assert [row.values.get("title") for row in rows] == ["A", None, None, None, "E\nE"]
    assert "1 cells where the header has 2" in rows[1].problem
    assert "'abstract' is not UTF-8" in rows[2].problem
    assert "cannot be read as CSV" in rows[3].problem
    with pytest.raises(InputError, match=r"t\.csv, line 3: has 1 cells"):
        tables.read_table(path)


def test_a_broken_json_line_does_not_hide_the_others(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_bytes(b'{"title": "A"}\n{"title": \n\n[1]\n{"title": "\xff"}\n{"title": "B"}\n')
    rows = list(tables.read_rows(path))
    assert [(row.line, row.problem is None) for row in rows] == [
        (1, True),
        (2, False),
        (4, False),
        (5, False),
        (6, True),
    ]


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("t.csv", b"", "is empty"),
        ("t.jsonl", b"\n", "is empty"),
        ("t.csv", b"\x00\x01\x02,\xff\n", "is no CSV"),
        ("t.csv", b"a,a\n1,2\n", "column 'a' is there more than once"),
        ("t.parquet", b"title,abstract\n", "is no Parquet file"),
        ("t.csv.gz", b"title,abstract\n", "damaged"),
        ("t.xlsx", b"", "tells no format"),
        (None, None, "does not exist"),
    ],
)
def test_what_is_no_table_gets_one_sentence(tmp_path, name, content, words):
    path = tmp_path / (name or "absent.csv")
    if name:
        path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        list(tables.read_rows(path))
    assert words in str(caught.value) and path.name in str(caught.value) and "\n" not in str(caught.value)


def test_a_folder_is_no_table(tmp_path):
    (tmp_path / "t.csv").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        list(tables.read_rows(tmp_path / "t.csv"))


def test_an_unclosed_quotation_mark_is_a_problem_of_its_row(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('title,abstract\nA,B\nC,"D\nE,F\n', encoding="utf-8")
    rows = list(tables.read_rows(path))
    assert rows[0].problem is None and rows[1].line == 3 and "CSV" in rows[1].problem


@pytest.mark.parametrize(
    "cell, items",
    [
        ("", []),
        ("[]", []),
        ("['a', \"b's\"]", ["a", "b's"]),
        ('["a", "b"]', ["a", "b"]),
        ("deep learning; NER ;", ["deep learning", "NER"]),
    ],
)
def test_lists_of_every_kind(cell, items):
    assert tables.parse_list(cell) == items


@pytest.mark.parametrize("cell", ["[1, 2]", "[open('x')]", "['a'", "[" * 1000])
def test_no_lists(tmp_path, cell):
    with pytest.raises(ValueError):
        tables.parse_list(cell)
    with pytest.raises(InputError, match=r"t\.csv, row 2, column 'tasks'"):
        tables.parse_column(pd.Series(["[]", cell], name="tasks"), tmp_path / "t.csv")


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "out.json"
    tables.write_json(path, {"a": 1})
    before = path.read_bytes()
    with pytest.raises(RuntimeError), tables.write_atomic(path) as scratch:
        scratch.write_text("half", encoding="utf-8")
        raise RuntimeError
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_parquet_keeps_types(tmp_path):
    source = tmp_path / "in.parquet"
    pd.DataFrame({"title": ["A"], "year": [2024], "authors": [["x", "y"]]}).to_parquet(source)
    rows = [row.values for row in tables.read_rows(source)]
    copy = write(tmp_path / "out.parquet", rows, schema=tables.parquet_schema(source))
    assert tables.parquet_schema(copy).equals(tables.parquet_schema(source))
    assert [row.values for row in tables.read_rows(copy)] == rows


def test_lone_surrogates_do_not_stop_a_write(tmp_path):
    for name in ("t.csv", "t.jsonl", "t.parquet"):
        path = write(tmp_path / name, [{"title": "a\ud800b"}])
        assert next(tables.read_rows(path)).values["title"] in ("a?b", "a\ud800b")
