import json

import pandas as pd
import pyarrow as pa
import pytest

from paper_tasks.errors import InputError
from paper_tasks.io import parquet, tables
from paper_tasks.io.encoder import RowEncoder, csv_lines, place_table, write_table

NAMES = ["t.csv", "t.jsonl", "t.parquet"]
ROWS = [{"title": "A", "abstract": 'with "quotes", and\nlines'}, {"title": "Ünïcödé", "abstract": ""}]


def write(path, rows, types=None):
    """Row by row, as a long table is written."""
    encoder = RowEncoder(path, list(rows[0]), types)
    appended = path.with_name("appended")
    appended.write_bytes(b"".join([encoder.head(), *(encoder.encode([row]) for row in rows)]))
    place_table(appended, path)
    assert not appended.exists()
    return path


@pytest.mark.parametrize("name", [*NAMES, "t.csv.gz", "t.csv.bz2", "t.csv.xz", "t.csv.zst", "t.jsonl.zst"])
def test_a_frame_is_written_as_its_rows_are(tmp_path, name):
    write_table(tmp_path / name, pd.DataFrame(ROWS))
    assert [row.values for row in tables.read_rows(tmp_path / name)] == ROWS
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_frame_that_cannot_be_written_leaves_the_old_file(tmp_path):
    path = tmp_path / "t.parquet"
    write_table(path, pd.DataFrame(ROWS))
    before = path.read_bytes()
    (tmp_path / "t.parquet.partial").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        write_table(path, pd.DataFrame(ROWS[:1]))
    assert path.read_bytes() == before


def test_excel_safe_leaves_no_formula_in_csv(tmp_path):
    for name in ("t.csv", "t.jsonl"):
        encoder = RowEncoder(tmp_path / name, ["=1", "b"], excel_safe=True)
        rows = [{"=1": "@x", "b": -3}]
        (tmp_path / name).write_bytes(encoder.head() + encoder.encode(rows))
    assert (tmp_path / "t.csv").read_bytes() == b"'=1,b\r\n'@x,'-3\r\n"
    assert next(tables.read_rows(tmp_path / "t.jsonl")).values == rows[0]


def test_parquet_keeps_types(tmp_path):
    source = tmp_path / "in.parquet"
    pd.DataFrame({"title": ["A"], "year": [2024], "authors": [["x", "y"]]}).to_parquet(source)
    rows = [row.values for row in tables.read_rows(source)]
    types = {field.name: field.type for field in parquet.read_schema(source)}
    copy = write(tmp_path / "out.parquet", rows, types)
    assert parquet.read_schema(copy).equals(parquet.read_schema(source))
    assert [row.values for row in tables.read_rows(copy)] == rows


def test_a_table_that_parquet_cannot_hold_gets_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"^.*out\.parquet cannot be written: [^\n]*\.$"):
        write(tmp_path / "out.parquet", [{"title": "A", "time": None}], {"time": pa.month_day_nano_interval()})
    assert [path.name for path in tmp_path.iterdir()] == ["appended"]


def test_json_is_strict(tmp_path):
    """Parquet has NaN, infinities and bytes; JSON lacks them."""
    inner = {"score": float("-inf"), "raw": b"\xff", "list": [(1.5, float("nan"))]}
    row = {"title": "A", "year": float("nan"), "text": "Ü".encode(), "inner": inner}
    as_json = {"title": "A", "year": None, "text": "Ü", "inner": {"score": None, "raw": "/w==", "list": [[1.5, None]]}}
    assert [row.values for row in tables.read_rows(write(tmp_path / "out.jsonl", [row]))] == [as_json]
    (cells,) = (row.values for row in tables.read_rows(write(tmp_path / "out.csv", [row])))
    assert cells == as_json | {"year": "", "inner": json.dumps(as_json["inner"])}


def test_lines_of_problems_end_as_those_of_a_text_file():
    assert csv_lines([[3, "title", 'a "b", c'], [4, "", "d"]]) == '3,title,"a ""b"", c"\n4,,d\n'


def test_lone_surrogates_do_not_stop_a_write(tmp_path):
    for name in NAMES:
        path = write(tmp_path / name, [{"title": "a\ud800b"}])
        assert next(tables.read_rows(path)).values["title"] in ("a?b", "a\ud800b")
        path = write(tmp_path / name, [{"a\ud800b": "A"}])
        assert next(tables.read_rows(path)).values in ({"a?b": "A"}, {"a\ud800b": "A"})
