"""The commands against a loopback server; where it matters, as programs."""

import contextlib
import csv
import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from werkzeug import Response

from paper_tasks.prepare import PrepareOptions, prepare
from scrapers import arxiv, cli, openreview, wayback
from scrapers.schema import COLUMNS, read_papers, read_problems
from tests.scrapers.conftest import ROOT
from tests.scrapers.site import (
    WaybackMachine,
    atom,
    atom_entry,
    category_page,
    method_page,
    note,
    oai,
    oai_record,
    paper_page,
)
from tests.scrapers.test_archive import record

TOPICS = ["image captioning", "object detection", "machine translation"]
ANY = re.compile(".*")


def topic(number):
    return f"Study {number} of {TOPICS[number % 3]}", f"We study {TOPICS[number % 3]} in way {number}."


@pytest.fixture
def files(tmp_path):
    return ["--output", tmp_path / "papers.csv", "--cache", tmp_path / "cache.sqlite", "--pace", "0.001"]


@pytest.fixture
def output(tmp_path):
    return tmp_path / "papers.csv"


@pytest.fixture
def machine(httpserver):
    names = [f"paper-{number}" for number in range(45)]
    pages = {
        f"/paper/{name}": paper_page(*topic(number), date=f"1 Jan {2000 + number}", arxiv=f"2001.{number:05}")
        for number, name in enumerate(names)
    }
    pages |= {"/method/resnet": method_page(names), "/methods/category/others": category_page(["resnet"])}
    machine = WaybackMachine(pages, rows_per_listing=100)
    httpserver.expect_request(ANY).respond_with_handler(machine)
    return machine


def prepared(output, tmp_path):
    """What `prepare` makes of the CSV, without any change to it."""
    report = prepare(output, tmp_path / "prepared", PrepareOptions(min_papers=10))
    assert report["papers_train"] > 20 and report["papers_test"] > 0
    return report


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
    assert done.returncode == 0 and "54  papers in" in done.stdout and "6  passed over: of another time" in done.stdout
    report = prepared(output, tmp_path)
    assert report["labels"] == "the column 'tasks'" and report["tasks_kept"] == 3
    for option, name in (("--method", "ResNet"), ("--area", "Audoi")):
        done = scrapers("archive", shard, "-o", output, option, name)
        assert done.returncode == 2 and "60  passed over: not selected" in done.stdout
        assert f"No paper came (passed over: not selected); {output} is as it was." in done.stderr
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


def test_wayback(scrapers, machine, base, files, output, tmp_path):
    machine.pages["/paper/paper-1"] = paper_page(abstract=None)
    address = "https://paperswithcode.com/method/resnet"
    done = scrapers("wayback", address, "--base-url", base, "--contact", "me@example.org", *files)
    assert done.returncode == 1 and done.stderr == ""
    assert re.findall(r"\d+  [a-z]+ ?\w*", done.stdout) == [
        *("44  papers in", "93  answers fetched", "0  answers from", "1  failed", "1  the page"),
    ]
    with output.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == COLUMNS and json.loads(rows[0]["tasks"]) == ["Image Captioning", "Object Detection"]
    assert prepared(output, tmp_path)["labels"] == "the column 'tasks'"

    served = len(machine.served)
    machine.pages["/paper/paper-1"] = paper_page(*topic(1))
    again = scrapers("wayback", address, "--base-url", base, *files)
    assert again.returncode == 1 and len(machine.served) == served
    retried = scrapers("wayback", address, "--base-url", base, "--retry-problems", *files)
    assert retried.returncode == 0 and len(machine.served) == served + 1 and "45  papers" in retried.stdout
    assert not (tmp_path / "papers.problem_urls.csv").exists()


def asked_of_cdx(machine):
    return [parse_qs(urlsplit(path).query)["url"][0] for path in machine.served if path.startswith("/cdx/")]


def test_a_few_papers_are_looked_up_and_many_listed(scrapers, machine, base, files, output, monkeypatch):
    arguments = ["wayback", "https://paperswithcode.com/method/resnet", "--base-url", base, *files]
    assert scrapers(*arguments, "--limit", "3").returncode == 0 and len(list(read_papers(output))) == 3
    first = [
        f"paperswithcode.com/{page}" for page in ("method/resnet", "paper/paper-0", "paper/paper-1", "paper/paper-2")
    ]
    assert asked_of_cdx(machine) == first
    monkeypatch.setitem(wayback.LISTING_REQUESTS, "/paper/", 44)
    assert scrapers(*arguments).returncode == 0 and len(list(read_papers(output))) == 45
    assert asked_of_cdx(machine)[4:] == ["paperswithcode.com/paper/*"] * 2
    assert len(machine.served) == len(set(machine.served))


@pytest.mark.parametrize("listed", [False, True])
def test_late_snapshots_are_preferred_to_first_ones(scrapers, machine, base, files, monkeypatch, listed):
    site = "https://paperswithcode.com/paper"
    machine.captures = {
        "/paper/paper-1": [
            ("20190202000000", f"{site}/paper-1/"),
            ("20231231235959", f"{site}/paper-1"),
            ("20240202000000", "http://www.paperswithcode.com:80/paper/paper-1"),
            ("20250202000000", f"{site}/paper-1"),
        ],
        "/paper/paper-2": [
            ("20190202000000", "http://paperswithcode.com/paper/paper-2"),
            ("20210202000000", f"{site}/paper-2"),
        ],
    }
    if listed:
        monkeypatch.setitem(wayback.LISTING_REQUESTS, "/paper/", 1)
    done = scrapers("wayback", f"{site}/paper-1", f"{site}/paper-2", "--base-url", base, *files)
    assert done.returncode == 0 and [path for path in machine.served if path.startswith("/web/")] == [
        "/web/20240202000000id_/http://www.paperswithcode.com:80/paper/paper-1",
        "/web/20190202000000id_/http://paperswithcode.com/paper/paper-2",
    ]


def test_a_lookup_passes_over_snapshots_with_a_query(scrapers, machine, base, files):
    address = "https://paperswithcode.com/paper/paper-1"
    machine.captures["/paper/paper-1"] = [("20240101000000", f"{address}?session=1"), ("20240102000000", address)]
    assert scrapers("wayback", address, "--base-url", base, *files).returncode == 0
    assert machine.served[-1] == f"/web/20240102000000id_/{address}"


def test_a_lookup_that_fails_costs_no_other(scrapers, machine, base, files, output, tmp_path, monkeypatch):
    monkeypatch.setattr("scrapers.client.backoff", lambda attempt, wait: 0)
    busy = [lambda request: Response("<html>Too busy</html>")] * 5
    machine.faults["/cdx/search/cdx"] = busy
    arguments = ["wayback", *(f"https://paperswithcode.com/paper/paper-{number}" for number in range(3))]
    done = scrapers(*arguments, "--base-url", base, *files)
    assert done.returncode == 1 and len(list(read_papers(output))) == 2
    (problem,) = read_problems(tmp_path / "papers.problem_urls.csv")
    assert problem.url.endswith("/paper/paper-0") and "no list of snapshots" in problem.reason
    assert problem.fetched_from.startswith(f"{base}/cdx/search/cdx?url=paperswithcode.com%2Fpaper%2Fpaper-0&")
    assert scrapers(*arguments, "--base-url", base, *files).returncode == 0 and len(list(read_papers(output))) == 3


@pytest.mark.parametrize("listed", [False, True])
def test_a_page_that_had_no_snapshot_is_looked_for_again(scrapers, machine, base, files, monkeypatch, listed):
    if listed:
        monkeypatch.setitem(wayback.LISTING_REQUESTS, "/paper/", 44)
    arguments = ["wayback", "https://paperswithcode.com/method/resnet", "--base-url", base, *files]
    late = machine.pages.pop("/paper/paper-1")
    assert "1  no snapshot" in scrapers(*arguments).stdout
    machine.pages["/paper/paper-1"] = late
    served = len(machine.served)
    assert scrapers(*arguments).returncode == 1 and len(machine.served) == served
    done = scrapers(*arguments, "--retry-problems")
    assert done.returncode == 0 and "45  papers" in done.stdout
    *again, page = machine.served[served:]
    assert all(path.startswith("/cdx/") for path in again) and page.endswith("/paper/paper-1")
    assert listed or len(again) == 1


def test_wayback_starts(scrapers, machine, base, files, output):
    done = scrapers("wayback", "--start", "papers", "--limit", "3", "--base-url", base, *files)
    assert done.returncode == 0 and len(list(read_papers(output))) == 3
    done = scrapers("wayback", "--start", "papers", "--since", "2010", "--until", "2012", "--base-url", base, *files)
    assert [paper.date[:4] for paper in read_papers(output)] == ["2010", "2011", "2012"]
    done = scrapers("wayback", "--base-url", base, *files)
    assert "697  no snapshot" in done.stdout and "45  papers" in done.stdout
    done = scrapers("wayback", "--start", "categories", "--base-url", base, *files)
    assert "34  no snapshot" in done.stdout


def test_wayback_dry_run(scrapers, machine, base, files, output):
    done = scrapers("wayback", "--dry-run", "--base-url", base, *files)
    assert done.returncode == 0 and "45 papers of the site have a snapshot" in done.stdout and not output.exists()
    assert machine.served[0] == "/robots.txt" and all(path.startswith("/cdx") for path in machine.served[1:])


def test_robots(scrapers, machine, base, files):
    machine.robots = "User-agent: *\nDisallow: /"
    arguments = ["wayback", "--start", "papers", "--base-url", base, *files]
    done = scrapers(*arguments)
    assert done.returncode == 2 and "robots.txt asks programs to stay away" in done.stdout
    assert machine.served == ["/robots.txt"]
    assert scrapers(*arguments, "--dry-run").returncode == 2 and machine.served == ["/robots.txt"]
    assert scrapers(*arguments, "--ignore-robots").returncode == 0


def test_arxiv(scrapers, httpserver, base, files, output, tmp_path):
    entries = [atom_entry(f"2601.{number:05}", *topic(number)) for number in range(60)]
    httpserver.expect_request("/api/query").respond_with_data(atom(entries))
    arguments = ["arxiv", "--category", "cs.CV", "--since", "2026-01", "--until", "2026-01-15"]
    done = scrapers(*arguments, "--base-url", f"{base}/api/query", *files)
    assert done.returncode == 0 and "60  papers" in done.stdout, done.stderr
    assert prepared(output, tmp_path)["labels"].startswith("distant")
    done = scrapers(*arguments, "--base-url", f"{base}/api/query", *files, "--dry-run")
    assert done.stdout.startswith("60 papers; to read all takes about 0 minutes")
    done = scrapers("arxiv", "2601.00001", "2601.00099", "--base-url", f"{base}/api/query", *files)
    assert done.returncode == 1 and "1  arXiv does not have it" in done.stdout
    for _ in range(2):
        done = scrapers("arxiv", "2601.00001", "x", "--retry-problems", "--base-url", f"{base}/api/query", *files)
        assert done.returncode == 1 and "1  'x' is no arXiv number" in done.stdout
    done = scrapers("arxiv", "2413.00001", "--base-url", f"{base}/api/query", *files)
    assert done.returncode == 2 and "No paper came ('2413.00001' is no arXiv number" in done.stderr
    done = scrapers("arxiv", "--category", "cs.XX", "--since", "2099", "--base-url", f"{base}/api/query", *files)
    assert done.returncode == 2 and "No paper came (arXiv has no papers of 'cs.XX' from that time" in done.stderr
    assert len(list(read_papers(output))) == 1


ONE_MONTH = ["--since", "2026-01", "--until", "2026-01-31"]


def categories(*names):
    return [part for name in names for part in ("--category", name)]


@pytest.mark.parametrize("oai_too", [[], ["--oai"]])
def test_several_categories(scrapers, httpserver, base, files, output, tmp_path, oai_too):
    """A paper of two comes once; one without papers, or one that fails, costs no other."""
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
    assert done.returncode == 1 and "1  passed over: came before" in done.stdout
    assert [paper.arxiv_id for paper in read_papers(output)] == ["2601.00001", "2601.00002", "2601.00003"]
    failed, empty = read_problems(tmp_path / "papers.problem_urls.csv")
    assert "HTTP 400" in failed.reason and "no papers of 'cs.XX'" in empty.reason
    assert scrapers("arxiv", *categories("cs.CL", "cs.XX", "cs.CV"), *common, "--dry-run").stdout.startswith("4 papers")
    done = scrapers("arxiv", *categories("cs.NO", "cs.XX"), *common)
    assert done.returncode == 2 and "2  failed" in done.stdout and len(list(read_papers(output))) == 3
    done = scrapers("arxiv", *categories("cs.CV"), *common)
    assert done.returncode == 0 and len(list(read_papers(output))) == 2


def test_a_sum_is_not_told_where_one_count_is_not(scrapers, httpserver, base, files):
    totals = {"cs:cs:CL": 7, "cs:cs:CV": None}
    httpserver.expect_request("/oai").respond_with_handler(
        lambda request: Response(oai([oai_record("2601.00001")], "token", totals[request.args["set"]]))
    )
    common = [*ONE_MONTH, "--oai", "--dry-run", "--base-url", f"{base}/oai", *files]
    assert scrapers("arxiv", *categories("cs.CL"), *common).stdout.startswith("7 papers")
    done = scrapers("arxiv", *categories("cs.CV", "cs.CL"), *common)
    assert done.returncode == 0 and done.stdout == "The server does not tell how many papers there are.\n"


def test_arxiv_over_oai(scrapers, httpserver, base, files, output, tmp_path):
    records = [oai_record(f"2601.{number:05}", *topic(number)) for number in range(60)]
    old = oai_record("1901.00001", created="2019-01-01")
    httpserver.expect_request("/oai").respond_with_data(oai([*records, old]))
    arguments = ["arxiv", "--oai", "--category", "cs.CV", "--since", "2026", "--base-url", f"{base}/oai", *files]
    done = scrapers(*arguments)
    assert "60  papers" in done.stdout and "1  passed over: of another time" in done.stdout
    prepared(output, tmp_path)
    assert scrapers(*arguments, "--dry-run").stdout.startswith("61 papers")
    httpserver.clear()
    httpserver.expect_request("/oai").respond_with_data(oai(records, "token"))
    arguments[arguments.index("2026")] = "2025"
    done = scrapers(*arguments, "--dry-run")
    assert done.returncode == 0 and done.stdout == "The server does not tell how many papers there are.\n"


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
    """One without papers, or one that fails, costs no other."""
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
    command = [sys.executable, "-m", "paper_tasks", "prepare", tmp_path / "all.csv", "--min-papers", "10"]
    done = subprocess.run([*command, "--output", tmp_path / "prepared"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["archive", "absent.parquet"], "absent.parquet cannot be read"),
        (["archive", "--since", "soon"], "'soon' is no date"),
        (["archive", "--everything", "--area", "Audio"], "Give either --everything, or --area and --method."),
        (["archive", "--everything", "--method", "ResNet"], "Give either --everything, or --area and --method."),
        (["archive", "--base-url", "ftp://x"], "--base-url 'ftp://x' is no address"),
        (["wayback", "--base-url", "web"], "--base-url 'web' is no address"),
        (["openreview", "X", "--base-url", "http://[::1"], "is no address"),
        (["openreview", "X", "--base-url", "https://"], "is no address"),
        (["openreview", "X", "--base-url", "http://a:99999"], "is no address"),
        (["arxiv"], "Give either arXiv numbers, or --category and --since"),
        (["arxiv", "--category", "cs.CL"], "Give either"),
        (["arxiv", "2601.00001", "--category", "cs.CL", "--since", "2026"], "Give either"),
        (
            ["arxiv", *categories("cs.CL", "cs CL"), "--since", "2026", "--base-url", "http://127.0.0.1:9"],
            "'cs CL' is no arXiv category",
        ),
        (["arxiv", "2601.00001", "--cache", "/dev/null/x.sqlite"], "/dev/null"),
        (["openreview", "X", "--since", "2021", "--until", "2020"], "comes before"),
        (["merge", "absent.csv"], "absent.csv does not exist"),
    ],
)
def test_bad_input_is_told_in_a_sentence(scrapers, tmp_path, arguments, told):
    arguments = [*arguments, "--output", tmp_path / "out.csv"]
    if arguments[0] in ("wayback", "arxiv", "openreview") and "--cache" not in arguments:
        arguments += ["--cache", tmp_path / "cache.sqlite"]
    done = scrapers(*arguments)
    assert done.returncode == 2 and done.stderr.startswith("error: ") and told in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1 and done.stdout == "" and not (tmp_path / "out.csv").exists()


def test_a_dry_run_without_a_server(scrapers, files, monkeypatch):
    monkeypatch.setattr("scrapers.client.backoff", lambda attempt, wait: 0)
    done = scrapers("openreview", "X", "--dry-run", "--base-url", "http://127.0.0.1:9", *files)
    *_, error, end = done.stderr.split("\n")
    assert done.returncode == 2 and end == ""
    assert re.fullmatch(r"error: http://127.0.0.1:9 cannot be asked: .*refused.*, 5 times\.", error)


def test_unknown_options_are_told(scrapers):
    for arguments in (["archive", "--limit", "0"], ["wayback", "--start", "x"], ["openreview"], ["merge"], ["x"]):
        done = scrapers(*arguments)
        assert done.returncode == 2 and "Traceback" not in done.stderr


def test_help_of_every_command(scrapers):
    assert all(name in scrapers("--help").stdout for name in ("archive", "wayback", "arxiv", "openreview", "merge"))
    for name in ("archive", "wayback", "arxiv", "openreview", "merge"):
        done = scrapers(name, "--help")
        assert done.returncode == 0 and "Example: python -m scrapers" in done.stdout and "csv_files" in done.stdout


@pytest.mark.parametrize("base, asked, kept", [("", 0.001, 3.0), ("", 9.0, 9.0), ("http://localhost:1", 0.001, 0.001)])
def test_no_pace_is_faster_than_the_source_allows(tmp_path, base, asked, kept):
    with cli._client(arxiv, base or arxiv.API, asked, tmp_path / "c.sqlite", "", None) as client:
        assert client._paces["https://"] == kept


@pytest.mark.parametrize("base, sent", [("", True), ("http://localhost:1", False), ("http://openreview.net", False)])
def test_a_token_is_for_openreview_alone(tmp_path, monkeypatch, base, sent):
    monkeypatch.setenv("OPENREVIEW_TOKEN", " abc.def\n")
    with cli._client(openreview, base or openreview.API, None, tmp_path / "c.sqlite", "", None) as client:
        assert client._session.headers.get("Authorization") == ("Bearer abc.def" if sent else None)
    with cli._client(arxiv, arxiv.API, None, tmp_path / "c.sqlite", "", None) as client:
        assert "Authorization" not in client._session.headers


def test_a_token_that_is_none_is_not_shown(scrapers, files, monkeypatch):
    monkeypatch.setenv("OPENREVIEW_TOKEN", "Bearer s3cret")
    done = scrapers("openreview", "X", *files)
    assert done.returncode == 2 and "OPENREVIEW_TOKEN holds characters" in done.stderr
    assert "s3cret" not in done.stdout + done.stderr
    assert "OPENREVIEW_TOKEN" in scrapers("openreview", "--help").stdout


def start(*arguments):
    command = [sys.executable, "-m", "scrapers", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_until(condition, process):
    ends = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends and process.poll() is None, process.communicate()
        time.sleep(0.01)


@pytest.fixture
def slow_machine(machine, httpserver):
    httpserver.clear()

    def answer(request):
        time.sleep(0.05)
        return machine(request)

    httpserver.expect_request(ANY).respond_with_handler(answer)
    return machine


def test_ctrl_c_and_on(scrapers, slow_machine, base, files, output, tmp_path):
    arguments = ["wayback", "--start", "papers", "--base-url", base, *files]
    process = start(*arguments)
    wait_until(lambda: len(slow_machine.served) > 10, process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130 and errors == "Interrupted; the same command goes on where it was.\n"
    assert not output.exists() and not list(tmp_path.glob("*.partial"))
    assert scrapers(*arguments).returncode == 0 and len(list(read_papers(output))) == 45
    assert len(slow_machine.served) <= len(set(slow_machine.served)) + 1


def test_two_runs_at_once(scrapers, slow_machine, base, files, output):
    """One connection to a source, and one writer of a file."""
    arguments = ["wayback", "--start", "papers", "--base-url", base, *files]
    process = start(*arguments)
    wait_until(lambda: len(slow_machine.served) > 3, process)
    second = scrapers(*arguments)
    assert second.returncode == 2 and "Another run has" in second.stderr
    assert process.communicate(timeout=60) and process.returncode == 0
    assert len(list(read_papers(output))) == 45


def test_progress_with_rate_and_time_left(slow_machine, base, files):
    """On a terminal, that is: elsewhere it would only be in the way."""
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (40, 120))
    command = [sys.executable, "-m", "scrapers", "wayback", "--start", "papers", "--base-url", base, *map(str, files)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=follower):
        os.close(follower)
        with open(leader, "rb", buffering=0) as terminal, contextlib.suppress(OSError):
            blocks = []
            while block := terminal.read(4096):
                blocks.append(block)
    shown = b"".join(blocks).decode()
    assert re.search(r"papers\.csv: +\d+%.* \d+/45 \[00:\d\d<00:\d\d, +[\d.]+ papers/s\]", shown), shown
