"""The command `wayback` against a loopback server that is the Wayback Machine in small."""

import csv
import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug import Response

from scrapers.schema import COLUMNS, read_papers, read_problems
from scrapers.sources import wayback
from tests.scrapers.conftest import prepared
from tests.scrapers.site import paper_page, topic


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
    assert prepared(output, tmp_path).labels == "the column 'tasks'"

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
    monkeypatch.setattr("scrapers.http.client.backoff", lambda attempt, wait: 0)
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
