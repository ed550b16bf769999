import codecs
import datetime
import decimal
import gzip
import lzma
import os
import random
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_tasks.errors import InputError
from paper_tasks.io import tables
from paper_tasks.io.rows import Row
from paper_tasks.tagging.ray import partitions
from tests import ROOT
from tests.paper_tasks.io.test_encoder import NAMES, ROWS, write

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@pytest.mark.parametrize("name", [*NAMES, "t.csv.gz", "t.csv.bz2", "t.csv.xz", "t.csv.zst", "t.jsonl.zst"])
def test_what_is_written_is_read_back(tmp_path, name):
    path = write(tmp_path / name, ROWS)
    assert [row.values for row in tables.read_rows(path)] == ROWS
    assert tables.read_table(path).to_dict("records") == ROWS


@pytest.mark.parametrize("name", NAMES)
@given(cells=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5))
def test_any_text_survives(tmp_path_factory, name, cells):
    rows = [{"title": title, "abstract": abstract} for title, abstract in cells]
    path = write(tmp_path_factory.mktemp("any") / name, rows)
    assert [row.values for row in tables.read_rows(path)] == rows


def zstd(data):
    return pa.Codec("zstd").compress(data, asbytes=True)


@pytest.mark.parametrize("compress, suffix", [(gzip.compress, ".gz"), (lzma.compress, ".xz"), (zstd, ".zst")])
def test_compressed_files_are_read(tmp_path, compress, suffix):
    path = tmp_path / f"t.csv{suffix}"
    path.write_bytes(compress(b"title,abstract\nA,B\n"))
    assert [row.values for row in tables.read_rows(path)] == [{"title": "A", "abstract": "B"}]
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(InputError, match=r"damaged"):
        list(tables.read_rows(path))


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "1e999"])
def test_a_number_that_json_does_not_have_is_a_problem_of_its_row(tmp_path, value):
    path = tmp_path / "t.jsonl"
    path.write_text(f'{{"year": {value}}}\n{{"title": "B"}}\n', encoding="utf-8")
    assert [(row.line, row.problem is None) for row in tables.read_rows(path)] == [(1, False), (2, True)]


def test_lists_in_lists_are_read_up_to_a_limit(tmp_path):
    path, most = tmp_path / "t.jsonl", tables.MOST_LEVELS
    texts = ["[" * (most - 1) + "]" * (most - 1), "[" * most + "]" * most, "[" * 10**5, str([[]] * most)]
    path.write_text("".join(f'{{"title": {text}}}\n' for text in texts), encoding="utf-8")
    deep = f"has more than {most} lists or objects in each other"
    assert [row.problem for row in tables.read_rows(path)] == [None, deep, deep, None]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_on_any_system(tmp_path, end):
    (tmp_path / "t.csv").write_bytes(end.join(["title,abstract", 'A,"B', 'B"', "C,D", ""]).encode())
    (tmp_path / "t.jsonl").write_bytes(end.join(['{"title": "A"}', '{"title": "C"}']).encode())
    rows = [(row.line, row.values) for row in tables.read_rows(tmp_path / "t.csv")]
    assert rows == [(2, {"title": "A", "abstract": f"B{end}B"}), (4, {"title": "C", "abstract": "D"})]
    assert [row.values["title"] for row in tables.read_rows(tmp_path / "t.jsonl")] == ["A", "C"]


def test_csv_and_json_lines_need_no_package(tmp_path):
    """The Space and the web page have neither pandas nor pyarrow."""
    (tmp_path / "t.csv").write_text("title\nA\n", encoding="utf-8")
    script = f"""
import sys
from pathlib import Path
class Refuse:
    def find_spec(self, name, *_):
        if name.partition(".")[0] not in {{*sys.stdlib_module_names, "paper_tasks"}}:
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
from paper_tasks.io import arxiv, atomic, cells, encoder, locks, rows, tables
folder = Path({str(tmp_path)!r})
found = [row.values for row in tables.read_rows(folder / "t.csv")]
with atomic.write_atomic(folder / "t.jsonl") as partial:
    partial.write_bytes(encoder.RowEncoder(folder / "t.jsonl", ["title"]).encode(found))
"""
    done = subprocess.run([sys.executable, "-S", "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "t.jsonl").read_text(encoding="utf-8") == '{"title": "A"}\n'


@pytest.mark.parametrize(
    "name, content",
    [
        ("t.csv", b"title,abstract\r\nA,B\r\n"),
        ("t.csv", b'"title","abstract"\r\n"A","B"\r\n'),
        ("t.jsonl", b'{"title": "A", "abstract": "B"}\n'),
    ],
)
def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(b"\xef\xbb\xbf" + content)
    assert next(tables.read_rows(path)).values == {"title": "A", "abstract": "B"}


def test_a_broken_row_does_not_hide_the_others(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b'title,abstract\nA,B\nonly one\nC,\xff\nD,"x"y\n"E\nE",F\n')
    rows = list(tables.read_rows(path))
    assert [row.line for row in rows] == [2, 3, 4, 5, 6]
    assert [row.values.get("title") for row in rows] == ["A", None, None, None, "E\nE"]
    assert "1 cells where the header has 2" in rows[1].problem
    assert rows[2].problem == "is not UTF-8" and rows[2].column == "abstract"
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
        ("t.csv", b"\x00\x01\x02,\xff\n", "is not CSV"),
        ("t.csv", b"\n \n,,\na,a\n1,2\n", "t.csv, line 4: the column 'a' is there more than once"),
        ("t.csv", b"title;abstract\r\nA;B\r\n", "separates its columns by semicolons; save it as CSV with commas"),
        ("t.csv", b"\ntitle\tabstract\nA\tB\n", "separates its columns by tabs; save it as CSV with commas"),
        ("t.csv", b'"title";"abstract"\n"A";"B"\n', "separates its columns by semicolons; save it as CSV with commas"),
        ("t.csv", b"id;title, short;abstract\n1;A;B\n", "separates its columns by semicolons"),
        ("t.csv", b'"title"x,abstract\nA,B\n', "its first line cannot be read"),
        ("t.csv", b"PK\3\4\x14\0\6\0", "is a spreadsheet or an archive, not text; save it as CSV"),
        ("t.csv", "title,abstract\r\nA,B\r\n".encode("utf-16"), "is UTF-16; save it as UTF-8"),
        ("t.jsonl", codecs.BOM_UTF16_BE + '{"title": "A"}\n'.encode("utf-16-be"), "is UTF-16; save it as UTF-8"),
        ("t.parquet", b"title,abstract\n", "is not a Parquet file"),
        ("t.csv.gz", b"title,abstract\n", "damaged"),
        ("t.csv.zst", b"title,abstract\n", "damaged"),
        ("t.parquet.gz", b"", "compressed inside"),
        ("t.xlsx", b"", "does not say the format"),
        (None, None, "does not exist"),
    ],
)
def test_a_file_that_is_not_a_table_gets_one_sentence(tmp_path, name, content, words):
    path = tmp_path / (name or "absent.csv")
    if name:
        path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        list(tables.read_rows(path))
    assert words in str(caught.value) and path.name in str(caught.value) and "\n" not in str(caught.value)


def test_a_folder_is_not_a_table(tmp_path):
    (tmp_path / "t.csv").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        list(tables.read_rows(tmp_path / "t.csv"))


def test_a_pipe_is_not_a_table(tmp_path):
    os.mkfifo(tmp_path / "t.csv")
    with pytest.raises(InputError, match="is a pipe or a device, and a table is read twice; name a file"):
        list(tables.read_rows(tmp_path / "t.csv"))


def test_blank_lines_before_the_column_names_are_skipped(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("\ufeff\n \n,\ntitle,abstract\n\nA,B\n", encoding="utf-8")
    assert list(tables.read_rows(path)) == [Row(6, {"title": "A", "abstract": "B"})]


def read_as_part(path):
    source = partitions.RemotePath.parse(str(path))
    (partition,), _ = partitions.find_partitions(source, 20_000)
    return partitions.read_partition(source, partition)


@pytest.mark.parametrize("read", [tables.read_rows, read_as_part])
def test_a_row_group_of_parquet_is_not_read_whole(tmp_path, read):
    """20 MB in a group, as pandas writes it."""
    path, chance = tmp_path / "t.parquet", random.Random(22)
    papers = pd.DataFrame({"title": [chance.randbytes(500).hex() for _ in range(20_000)]})
    papers.to_parquet(path, compression=None)
    before = pa.total_allocated_bytes()
    rows = read(path)
    next(rows)
    assert pa.total_allocated_bytes() - before < 10_000_000
    rows.close()


def test_an_unclosed_quotation_mark_is_a_problem_of_its_row(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('title,abstract\nA,B\nC,"D\nE,F\n', encoding="utf-8")
    rows = list(tables.read_rows(path))
    assert rows[0].problem is None and rows[1].line == 3
    assert "cannot be read as CSV, nor what follows up to line 4" in rows[1].problem


def test_a_broken_row_of_parquet_does_not_hide_the_others(tmp_path):
    path = tmp_path / "t.parquet"
    titles = pa.array([b"A", b"\xff", b"C", b"D"]).view(pa.string())
    dates = pa.array([0, 0, 2**50, 0], pa.timestamp("s"))
    pq.write_table(pa.table({"title": titles, "date": dates}), path)
    rows = list(tables.read_rows(path))
    assert [(row.line, row.values.get("title"), row.column) for row in rows] == [
        (1, "A", ""),
        (2, None, "title"),
        (3, None, "date"),
        (4, "D", ""),
    ]
    assert all("cannot be read" in row.problem for row in rows[1:3])


def test_dates_and_decimals_of_parquet_have_no_quotation_marks(tmp_path):
    path = tmp_path / "t.parquet"
    row = {
        "day": datetime.date(2024, 1, 2),
        "price": decimal.Decimal("1.50"),
        "right": True,
        "list": ["a"],
        "none": None,
    }
    pq.write_table(pa.Table.from_pylist([row]), path)
    (cells,) = tables.read_table(path).to_dict("records")
    assert cells == {"day": "2024-01-02", "price": "1.50", "right": "true", "list": '["a"]', "none": ""}


def test_two_columns_of_one_name_are_refused(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array(["A"]), pa.array(["B"])], names=["title", "title"]), path)
    with pytest.raises(InputError, match=r"t\.parquet: the column 'title' is there more than once"):
        list(tables.read_rows(path))


def test_the_stem_is_the_name_without_its_format():
    assert [tables.table_stem(Path(name)) for name in ("a.csv", "a.b.jsonl.zst", "a/b.PARQUET")] == ["a", "a.b", "b"]
    with pytest.raises(InputError, match="does not say the format"):
        tables.table_stem(Path("a.gz"))


def test_column_names_come_from_every_row(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"title": "A"}\n[1]\n{"title": "B", "year": 2024}\n', encoding="utf-8")
    assert tables.column_names(path) == ["title", "year"]
    for name in ("t.csv", "t.parquet"):
        assert tables.column_names(write(tmp_path / name, ROWS)) == ["title", "abstract"]


@pytest.mark.parametrize("name", [*NAMES, "t.csv.gz", "t.jsonl.zst"])
def test_progress_is_the_share_that_was_read(tmp_path, name):
    chance = random.Random(22)
    path = write(tmp_path / name, [{"title": chance.randbytes(400).hex()} for _ in range(2000)])
    progress = tables.Progress()
    shares = [progress.share for _ in tables.read_rows(path, progress)]
    assert shares == sorted(shares) and shares[-1] == 1
    assert shares[1000] == pytest.approx(0.5, abs=0.2)


def test_a_line_without_end_is_not_a_table(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "LONGEST_LINE", 1000)
    path = tmp_path / "t.jsonl"
    path.write_text('{"title": "A"}\n' + '{"title": "' + "A" * 2000 + '"}', encoding="utf-8")
    with pytest.raises(InputError, match=r"t\.jsonl, line 2 has more than 1,000 characters"):
        list(tables.read_rows(path))
