import gzip
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from werkzeug import Response

from paper_tasks.label import read_papers
from scrapers import archive
from scrapers.schema import COLUMNS, write_csv

ROOT = Path(__file__).parents[2]


def record(number, **changes):
    method = {"name": "Attention", "main_collection": {"name": "Attention Mechanisms", "area": "General"}}
    whole = {
        "paper_url": f"https://paperswithcode.com/paper/{number}",
        "arxiv_id": f"2001.{number:05}",
        "title": f"Paper\nnumber {number}",
        "abstract": f"We caption\nimages, {number} of them; “quotes”, commas.",
        "tasks": ["Image Captioning"],
        "date": f"{2015 + number}-02-03",
        "proceeding": None,
        "methods": [method],
    }
    return whole | changes


RECORDS = [record(number) for number in range(6)] + [record(6, abstract=None, methods=None, arxiv_id=None)]


@pytest.fixture
def shard(tmp_path):
    pq.write_table(pa.Table.from_pylist(RECORDS), tmp_path / "train.parquet")
    return tmp_path / "train.parquet"


@pytest.fixture
def json_dump(tmp_path):
    path = tmp_path / "dump.json.gz"
    path.write_bytes(gzip.compress(json.dumps(RECORDS).encode()))
    return path


def test_both_forms_of_the_dump_give_the_same_papers(shard, json_dump):
    papers = list(archive.papers([shard]))
    assert papers == list(archive.papers([json_dump])) and len(papers) == 6
    assert papers[0].title == "Paper number 0" and "\n" not in papers[0].abstract
    assert (papers[0].tasks, papers[0].methods, papers[0].date) == (["Image Captioning"], ["Attention"], "2015-02-03")


def test_selection(shard):
    assert len(list(archive.papers([shard], since=2018))) == 3
    assert len(list(archive.papers([shard], area="General"))) == 6
    assert list(archive.papers([shard], area="Audio")) == []


def test_what_is_written_goes_into_prepare(shard, tmp_path):
    assert write_csv(tmp_path / "out.csv", archive.papers([shard])) == 6
    papers = read_papers(tmp_path / "out.csv")
    assert list(papers.columns) == COLUMNS
    assert papers["tasks"].tolist() == [["Image Captioning"]] * 6


@pytest.mark.parametrize("content", [b"", b"no parquet", gzip.compress(b'[{"a": 1')])
def test_a_damaged_dump_is_told(tmp_path, content):
    for name in ("train.parquet", "dump.json.gz"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(archive.SourceError, match=name):
            list(archive.papers([tmp_path / name]))


def test_download_goes_on_where_it_broke_off(httpserver, tmp_path, shard):
    content = shard.read_bytes()
    asked = []

    def serve(request):
        asked.append(request.headers.get("Range"))
        start = int(asked[-1].removeprefix("bytes=").rstrip("-")) if asked[-1] else 0
        return Response(content[start:], status=206 if start else 200)

    for name in archive.SHARDS:
        httpserver.expect_request(f"/{name}").respond_with_handler(serve)
    (tmp_path / "dump").mkdir()
    (tmp_path / "dump" / f"{archive.SHARDS[1]}.partial").write_bytes(content[:100])
    paths = archive.download(tmp_path / "dump", httpserver.url_for("").rstrip("/"))
    assert [path.read_bytes() for path in paths] == [content] * 4
    assert asked == [None, "bytes=100-", None, None]
    archive.download(tmp_path / "dump", httpserver.url_for("").rstrip("/"))
    assert len(asked) == 4


def test_a_missing_shard_is_told(httpserver, tmp_path):
    with pytest.raises(archive.SourceError, match="cannot be fetched"):
        archive.download(tmp_path, httpserver.url_for("/absent").rstrip("/"))


def test_the_command(shard, tmp_path):
    def run(dump):
        command = [sys.executable, "-m", "scrapers", "archive", dump, "--output", tmp_path / "out.csv"]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)

    done = run(shard)
    assert done.returncode == 0 and "6 papers" in done.stdout, done.stderr
    done = run(tmp_path / "absent.parquet")
    assert done.returncode == 2 and done.stderr.startswith("error: ") and "Traceback" not in done.stderr
    assert not list(tmp_path.glob("*.partial"))
