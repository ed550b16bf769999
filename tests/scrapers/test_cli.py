"""The commands against a loopback server; test_cli_wayback.py has those of `wayback`."""

import json
import re
from urllib.parse import parse_qs

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from werkzeug import Response

from scrapers.schema import read_papers, read_problems
from tests.scrapers.conftest import prepared
from tests.scrapers.site import ANY, TOPICS, atom, atom_entry, note, oai, oai_record, topic
from tests.scrapers.sources.test_archive import record


def write_shard(path, records):
    pq.write_table(pa.Table.from_pylist(records), path)
    return path


def shard_record(number):
    title, abstract = topic(number)
    changes = {"title": title, "abstract": abstract, "tasks": [TOPICS[number % 3]]}
    return record(number % 10, paper_url=f"u{number}", **changes)


def test_archive(scrapers, tmp_path, output):
    shard = write_shard(
        tmp_path / "a.parquet",
        [shard_record(number) for number in range(60)],
    )
    done = scrapers("archive", shard, "-o", output, "--since", "2016", "--area", "General")
    assert done.returncode == 0 and "54  papers in" in done.stdout and "6  left out: of another time" in done.stdout
    report = prepared(output, tmp_path)
    assert report.labels == "the column 'tasks'" and report.tasks_kept == 3
    for option, name in (("--method", "ResNet"), ("--area", "Audoi")):
        done = scrapers("archive", shard, "-o", output, option, name)
        assert done.returncode == 2 and "60  left out: not selected" in done.stdout
        assert f"No paper came (left out: not selected); {output} is as it was." in done.stderr
        assert len(list(read_papers(output))) == 54
    assert "60  papers in" in scrapers("archive", shard, "-o", output, "--everything").stdout
    assert "5  papers in" in scrapers("archive", shard, "-o", output, "--limit", "5").stdout


def test_archive_with_problems(scrapers, tmp_path, output):
    shard = write_shard(tmp_path / "a.parquet", [record(1), record(2, paper_url=None)])
    done = scrapers("archive", shard, "-o", output)
    assert done.returncode == 1 and "1  failed" in done.stdout and "--retry-problems" not in done.stdout
    assert read_problems(tmp_path / "papers.problem_urls.csv")[0].url == "a.parquet#2"


def test_archive_dry_run(scrapers, tmp_path, output):
    done = scrapers("archive", "--folder", tmp_path, "-o", output, "--dry-run")
    assert done.returncode == 0 and "train-00003-of-00004.parquet" in done.stdout and not list(tmp_path.iterdir())


def test_arxiv(scrapers, httpserver, base, files, output, tmp_path):
    entries = [atom_entry(f"2601.{number:05}", *topic(number)) for number in range(60)]
    httpserver.expect_request("/api/query").respond_with_data(atom(entries))
    arguments = ["arxiv", "--category", "cs.CV", "--since", "2026-01", "--until", "2026-01-15"]
    done = scrapers(*arguments, "--base-url", f"{base}/api/query", *files)
    assert done.returncode == 0 and "60  papers" in done.stdout, done.stderr
    assert prepared(output, tmp_path).labels.startswith("distant")
    done = scrapers(*arguments, "--base-url", f"{base}/api/query", *files, "--dry-run")
    assert done.stdout.startswith("60 papers; to read all takes about 0 minutes")
    done = scrapers("arxiv", "2601.00001", "2601.00099", "--base-url", f"{base}/api/query", *files)
    assert done.returncode == 1 and "1  arXiv does not have it" in done.stdout
    for _ in range(2):
        done = scrapers("arxiv", "2601.00001", "x", "--retry-problems", "--base-url", f"{base}/api/query", *files)
        assert done.returncode == 1 and "1  'x' is not an arXiv number" in done.stdout
    done = scrapers("arxiv", "2413.00001", "--base-url", f"{base}/api/query", *files)
    assert done.returncode == 2 and "No paper came ('2413.00001' is not an arXiv number" in done.stderr
    done = scrapers("arxiv", "--category", "cs.XX", "--since", "2099", "--base-url", f"{base}/api/query", *files)
    assert done.returncode == 2 and "No paper came (arXiv has no papers of 'cs.XX' from that time" in done.stderr
    assert len(list(read_papers(output))) == 1


ONE_MONTH = ["--since", "2026-01", "--until", "2026-01-31"]


def categories(*names):
    return [part for name in names for part in ("--category", name)]


@pytest.mark.parametrize("oai_too", [[], ["--oai"]])
def test_several_categories(scrapers, httpserver, base, files, output, tmp_path, oai_too):
    """A paper of two categories comes once. A category without papers, or a failing one, does not hide the others."""
    numbers = {"cs.CL": ["2601.00001", "2601.00002"], "cs.CV": ["2601.00002", "2601.00003"], "cs.XX": []}

    def serve(request):
        asked = request.args.get("set", request.args.get("search_query")).replace(":", ".")
        found = [numbers[name] for name in numbers if name in asked]
        if not found:
            return Response("", 400)
        if not oai_too:
            return Response(atom(list(map(atom_entry, *found))))
        return Response(oai(map(oai_record, *found)) if any(found) else oai(error="noRecordsMatch"))

    httpserver.expect_request(ANY).respond_with_handler(serve)
    address = f"{base}/oai" if oai_too else f"{base}/api/query"
    common = [*ONE_MONTH, *oai_too, "--base-url", address, *files]
    done = scrapers("arxiv", *categories("cs.NO", "cs.CL", "cs.XX", "cs.CV"), *common)
    assert done.returncode == 1 and "1  left out: came before" in done.stdout
    assert [paper.arxiv_id for paper in read_papers(output)] == ["2601.00001", "2601.00002", "2601.00003"]
    failed, empty = read_problems(tmp_path / "papers.problem_urls.csv")
    assert "HTTP 400" in failed.reason and "no papers of 'cs.XX'" in empty.reason
    assert scrapers("arxiv", *categories("cs.CL", "cs.XX", "cs.CV"), *common, "--dry-run").stdout.startswith("4 papers")
    done = scrapers("arxiv", *categories("cs.NO", "cs.XX"), *common)
    assert done.returncode == 2 and "2  failed" in done.stdout and len(list(read_papers(output))) == 3
    done = scrapers("arxiv", *categories("cs.CV"), *common)
    assert done.returncode == 0 and len(list(read_papers(output))) == 2


def test_one_unknown_count_makes_the_sum_unknown(scrapers, httpserver, base, files):
    totals = {"cs:cs:CL": 7, "cs:cs:CV": None}
    httpserver.expect_request("/oai").respond_with_handler(
        lambda request: Response(oai([oai_record("2601.00001")], "token", totals[request.args["set"]]))
    )
    common = [*ONE_MONTH, "--oai", "--dry-run", "--base-url", f"{base}/oai", *files]
    assert scrapers("arxiv", *categories("cs.CL"), *common).stdout.startswith("7 papers")
    done = scrapers("arxiv", *categories("cs.CV", "cs.CL"), *common)
    assert done.returncode == 0 and done.stdout == "The server does not say how many papers there are.\n"


def test_arxiv_over_oai(scrapers, httpserver, base, files, output, tmp_path):
    records = [oai_record(f"2601.{number:05}", *topic(number)) for number in range(60)]
    old = oai_record("1901.00001", created="2019-01-01")
    httpserver.expect_request("/oai").respond_with_data(oai([*records, old]))
    arguments = ["arxiv", "--oai", "--category", "cs.CV", "--since", "2026", "--base-url", f"{base}/oai", *files]
    done = scrapers(*arguments)
    assert "60  papers" in done.stdout and "1  left out: of another time" in done.stdout
    prepared(output, tmp_path)
    assert scrapers(*arguments, "--dry-run").stdout.startswith("61 papers")
    httpserver.clear()
    httpserver.expect_request("/oai").respond_with_data(oai(records, "token"))
    arguments[arguments.index("2026")] = "2025"
    done = scrapers(*arguments, "--dry-run")
    assert done.returncode == 0 and done.stdout == "The server does not say how many papers there are.\n"


def test_openreview(scrapers, httpserver, base, files, output, tmp_path):
    notes = [note(f"n{number}", *topic(number), keywords=["Image Captioning", "x"]) for number in range(60)]
    asked = []

    def serve(request):
        asked.append(parse_qs(request.query_string.decode()))
        return Response(json.dumps({"notes": notes, "count": len(notes)}))

    httpserver.expect_request("/notes").respond_with_handler(serve)
    arguments = ["openreview", "ICLR.cc/2024/Conference", "--base-url", base, *files]
    assert "60  papers" in scrapers(*arguments).stdout
    assert next(read_papers(output)).keywords == ["Image Captioning", "x"]
    prepared(output, tmp_path)
    assert scrapers(*arguments, "--dry-run").stdout.startswith("60 papers") and len(asked) == 1


def test_several_venues(scrapers, httpserver, base, files, output, tmp_path):
    """A venue without papers, or a failing one, does not hide the others."""
    notes = {"A": [note("a0"), note("a1")], "B": [note("b0")], "EMPTY": []}

    def serve(request):
        venue = request.args["content.venueid"]
        if venue not in notes:
            return Response("", 403)
        return Response(json.dumps({"notes": notes[venue], "count": len(notes[venue])}))

    httpserver.expect_request("/notes").respond_with_handler(serve)
    common = ["--base-url", base, *files]
    done = scrapers("openreview", "CLOSED", "A", "EMPTY", "B", *common)
    assert done.returncode == 1 and "3  papers" in done.stdout and "2  failed" in done.stdout
    assert [paper.URLs[-2:] for paper in read_papers(output)] == ["a0", "a1", "b0"]
    closed, empty = read_problems(tmp_path / "papers.problem_urls.csv")
    assert "HTTP 403" in closed.reason and "no papers of 'EMPTY'" in empty.reason
    assert scrapers("openreview", "A", "EMPTY", "B", *common, "--dry-run").stdout.startswith("3 papers")
    assert scrapers("openreview", "CLOSED", "EMPTY", *common).returncode == 2 and len(list(read_papers(output))) == 3
    assert scrapers("openreview", "A", "B", *common).returncode == 0
    assert not (tmp_path / "papers.problem_urls.csv").exists()


def test_merge_goes_into_prepare(scrapers, machine, base, files, output, tmp_path):
    shard = write_shard(tmp_path / "a.parquet", [record(number, tasks=["Other"]) for number in range(45)])
    assert scrapers("archive", shard, "--everything", "-o", tmp_path / "archive.csv").returncode == 0
    assert scrapers("wayback", "--start", "papers", "--base-url", base, *files).returncode == 0
    done = scrapers("merge", tmp_path / "archive.csv", output, "-o", tmp_path / "all.csv")
    assert done.stdout == f"90 rows are 45 papers in {tmp_path / 'all.csv'}.\n"
    papers = list(read_papers(tmp_path / "all.csv"))
    assert papers[0].tasks == ["Other", "Image Captioning", "Object Detection"]
    assert prepared(tmp_path / "all.csv", tmp_path).labels == "the column 'tasks'"


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["archive", "absent.parquet"], "absent.parquet cannot be read"),
        (["archive", "--since", "soon"], "'soon' is not a date"),
        (["archive", "--everything", "--area", "Audio"], "Give either --everything, or --area and --method."),
        (["archive", "--everything", "--method", "ResNet"], "Give either --everything, or --area and --method."),
        (["archive", "--base-url", "ftp://x"], "--base-url 'ftp://x' is not an address"),
        (["wayback", "--base-url", "web"], "--base-url 'web' is not an address"),
        (["openreview", "X", "--base-url", "http://[::1"], "is not an address"),
        (["openreview", "X", "--base-url", "https://"], "is not an address"),
        (["openreview", "X", "--base-url", "http://a:99999"], "is not an address"),
        (["arxiv"], "Give either arXiv numbers, or --category and --since"),
        (["arxiv", "--category", "cs.CL"], "Give either"),
        (["arxiv", "2601.00001", "--category", "cs.CL", "--since", "2026"], "Give either"),
        (
            ["arxiv", *categories("cs.CL", "cs CL"), "--since", "2026", "--base-url", "http://127.0.0.1:9"],
            "'cs CL' is not an arXiv category",
        ),
        (["arxiv", "2601.00001", "--cache", "/dev/null/x.sqlite"], "/dev/null"),
        (["openreview", "X", "--since", "2021", "--until", "2020"], "comes before"),
        (["merge", "absent.csv"], "absent.csv does not exist"),
    ],
)
def test_bad_input_gets_one_sentence(scrapers, tmp_path, arguments, words):
    arguments = [*arguments, "--output", tmp_path / "out.csv"]
    if arguments[0] in ("wayback", "arxiv", "openreview") and "--cache" not in arguments:
        arguments += ["--cache", tmp_path / "cache.sqlite"]
    done = scrapers(*arguments)
    assert done.returncode == 2 and done.stderr.startswith("error: ") and words in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1 and done.stdout == "" and not (tmp_path / "out.csv").exists()


def test_a_dry_run_without_a_server(scrapers, files, monkeypatch):
    monkeypatch.setattr("scrapers.http.client.backoff", lambda attempt, wait: 0)
    done = scrapers("openreview", "X", "--dry-run", "--base-url", "http://127.0.0.1:9", *files)
    *_, error, end = done.stderr.split("\n")
    assert done.returncode == 2 and end == ""
    assert re.fullmatch(r"error: http://127.0.0.1:9 cannot be asked: .*refused.*, 5 times\.", error)


def test_unknown_options_are_refused(scrapers):
    for arguments in (["archive", "--limit", "0"], ["wayback", "--start", "x"], ["openreview"], ["merge"], ["x"]):
        done = scrapers(*arguments)
        assert done.returncode == 2 and "Traceback" not in done.stderr


def test_help_of_every_command(scrapers):
    assert all(name in scrapers("--help").stdout for name in ("archive", "wayback", "arxiv", "openreview", "merge"))
    for name in ("archive", "wayback", "arxiv", "openreview", "merge"):
        done = scrapers(name, "--help")
        assert done.returncode == 0 and "Example: python -m scrapers" in done.stdout and "csv_files" in done.stdout


def test_a_malformed_token_is_not_shown(scrapers, files, monkeypatch):
    monkeypatch.setenv("OPENREVIEW_TOKEN", "Bearer s3cret")
    done = scrapers("openreview", "X", *files)
    assert done.returncode == 2 and "OPENREVIEW_TOKEN holds characters" in done.stderr
    assert "s3cret" not in done.stdout + done.stderr
    assert "OPENREVIEW_TOKEN" in scrapers("openreview", "--help").stdout
