import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from paper_tasks.errors import InputError
from scrapers.run import Expected, Skipped
from scrapers.schema import Paper, Problem
from scrapers.sources import archive
from scrapers.sources.selection import Selection

EVERYTHING = Selection()


def record(number, **changes):
    method = {
        "name": "Attention",
        "full_name": "Attention",
        "main_collection": {"name": "Attention Mechanisms", "area": "General"},
    }
    whole = {
        "paper_url": f"https://paperswithcode.com/paper/{number}",
        "arxiv_id": f"2001.{number:05}",
        "title": f"Paper\nnumber {number}",
        "abstract": f"We caption\nimages, {number} of them; “quotes”, commas.",
        "tasks": ["Image Captioning"],
        "date": f"{2015 + number}-02-03",
        "proceeding": "icml-2020-1",
        "conference": None,
        "methods": [method],
    }
    return whole | changes


RECORDS = [
    *map(record, range(4)),
    record(4, abstract=None, methods=None, arxiv_id=None),
    record(5, title="How do I speak to a live person at Acme Airlines?"),
    record(6, tasks=["Acme Airlines Refund Policy"], methods=[]),
    record(7, tasks=["Image Captioning", "+1-888-555-0100"], date=None, proceeding=None, conference="icml"),
]


@pytest.fixture
def shard(tmp_path):
    pq.write_table(pa.Table.from_pylist(RECORDS), tmp_path / "train.parquet")
    return tmp_path / "train.parquet"


@pytest.fixture
def json_dump(tmp_path):
    path = tmp_path / "dump.json.gz"
    path.write_bytes(gzip.compress(json.dumps(RECORDS).encode()))
    return path


def read(path, selection=EVERYTHING):
    return [item for item in archive.papers([path], selection) if not isinstance(item, Expected)]


def test_both_forms_of_the_dump_give_the_same_items(shard, json_dump):
    items = read(shard)
    assert items == read(json_dump)
    assert items[4:7] == [Skipped("without title or abstract"), Skipped("spam"), Skipped("spam")]
    assert items[0] == Paper(
        URLs="https://paperswithcode.com/paper/0",
        title="Paper number 0",
        abstract="We caption images, 0 of them; “quotes”, commas.",
        methods=["Attention"],
        tasks=["Image Captioning"],
        arxiv_id="2001.00000",
        date="2015-02-03",
        venue="icml-2020-1",
        source="papers with code archive",
    )
    assert (items[7].tasks, items[7].date, items[7].venue) == (["Image Captioning"], "", "icml")


def test_how_many_records_are_to_come(shard, json_dump):
    assert next(archive.papers([shard], EVERYTHING)) == Expected(8)
    assert next(archive.papers([json_dump], EVERYTHING)) == Expected(0)


def test_selection(shard):
    items = read(shard, Selection(areas=frozenset({"audio"})))
    assert items == [Skipped("not selected")] * 8
    assert sum(isinstance(item, Paper) for item in read(shard, Selection(methods=frozenset({"attention"})))) == 5


def test_dates_may_be_timestamps(tmp_path):
    table = pa.Table.from_pylist([record(0, date=None)]).set_column(
        5, "date", pa.array([1_600_000_000], pa.timestamp("s"))
    )
    pq.write_table(table, tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet")[0].date == "2020-09-13"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no parquet",
        gzip.compress(b'[{"a": 1', mtime=0),
        gzip.compress(b'[{"a": "\\udfff"}]', mtime=0),
        gzip.compress(b"[1]", mtime=0)[:-12] + b"x" * 12,
    ],
)
def test_a_damaged_dump_is_reported(tmp_path, content):
    for name in ("train.parquet", "dump.json.gz"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=rf"{name} cannot be read .*; it should be a shard or the \.json\.gz"):
            read(tmp_path / name)


def test_another_table_is_refused(tmp_path):
    pq.write_table(pa.table({"title": ["a"], "abstract": ["b"], "paper_url": ["c"]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="no column 'tasks'"):
        read(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    "change",
    [{"methods": ["a name"]}, {"tasks": [3]}, {"paper_url": None}, {"title": 3}, {"methods": 3}, {"tasks": 1}],
)
def test_a_record_of_another_form_is_a_problem(tmp_path, change):
    broken = [record(0, **change), record(1) | {"tasks": ["x"]}, 7]
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(json.dumps(broken).encode()))
    first, second, third = read(tmp_path / "a.json.gz")
    assert isinstance(second, Paper)
    for number, problem in ((1, first), (3, third)):
        assert isinstance(problem, Problem) and problem.url == f"a.json.gz#{number}"
        assert "a record of another form" in problem.reason


def test_fetch(httpserver, base, tmp_path):
    for name in archive.SHARDS:
        httpserver.expect_request(f"/data/{name}").respond_with_data(name)
    paths = archive.fetch(tmp_path / "dump", f"{base}/data")
    assert [path.read_text() for path in paths] == archive.SHARDS
    assert archive.fetch(tmp_path / "dump", f"{base}/data") == paths and len(httpserver.log) == 4
