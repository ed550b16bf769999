import json

import pandas as pd
import pyarrow as pa
import pytest

from paper_tasks.errors import InputError
from paper_tasks.io import tables, writing
from tests.paper_tasks.io.test_tables import NAMES, write


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "out.json"
    writing.write_json(path, {"a": 1})
    before = path.read_bytes()
    with pytest.raises(RuntimeError), writing.write_atomic(path) as scratch:
        scratch.write_text("half", encoding="utf-8")
        raise RuntimeError
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("indent", "text"), [(2, '{\n  "a": [\n    1\n  ]\n}\n'), (0, '{\n"a":[\n1\n]\n}\n'), (None, '{"a":[1]}\n')]
)
def test_json_is_as_readable_as_asked_for(tmp_path, indent, text):
    writing.write_json(tmp_path / "out.json", {"a": [1]}, indent)
    assert (tmp_path / "out.json").read_text(encoding="utf-8") == text


def test_parquet_keeps_types(tmp_path):
    source = tmp_path / "in.parquet"
    pd.DataFrame({"title": ["A"], "year": [2024], "authors": [["x", "y"]]}).to_parquet(source)
    rows = [row.values for row in tables.read_rows(source)]
    types = {field.name: field.type for field in tables.parquet_schema(source)}
    copy = write(tmp_path / "out.parquet", rows, types)
    assert tables.parquet_schema(copy).equals(tables.parquet_schema(source))
    assert [row.values for row in tables.read_rows(copy)] == rows


def test_a_table_that_parquet_cannot_hold_is_told_in_a_sentence(tmp_path):
    with pytest.raises(InputError, match=r"^.*out\.parquet cannot be written: [^\n]*\.$"):
        write(tmp_path / "out.parquet", [{"title": "A", "time": None}], {"time": pa.month_day_nano_interval()})
    assert [path.name for path in tmp_path.iterdir()] == ["appended"]


def test_json_is_strict(tmp_path):
    """What Parquet has and JSON has not: NaN, infinities, bytes."""
    inner = {"score": float("-inf"), "raw": b"\xff", "list": [(1.5, float("nan"))]}
    row = {"title": "A", "year": float("nan"), "text": "Ü".encode(), "inner": inner}
    as_json = {"title": "A", "year": None, "text": "Ü", "inner": {"score": None, "raw": "/w==", "list": [[1.5, None]]}}
    assert [row.values for row in tables.read_rows(write(tmp_path / "out.jsonl", [row]))] == [as_json]
    (cells,) = (row.values for row in tables.read_rows(write(tmp_path / "out.csv", [row])))
    assert cells == as_json | {"year": "", "inner": json.dumps(as_json["inner"])}


def test_lines_of_problems_end_as_those_of_a_text_file():
    assert writing.csv_lines([[3, "title", 'a "b", c'], [4, "", "d"]]) == '3,title,"a ""b"", c"\n4,,d\n'


def test_lone_surrogates_do_not_stop_a_write(tmp_path):
    for name in NAMES:
        path = write(tmp_path / name, [{"title": "a\ud800b"}])
        assert next(tables.read_rows(path)).values["title"] in ("a?b", "a\ud800b")
        path = write(tmp_path / name, [{"a\ud800b": "A"}])
        assert next(tables.read_rows(path)).values in ({"a?b": "A"}, {"a\ud800b": "A"})
