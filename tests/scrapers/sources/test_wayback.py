import json
import re

import pytest
from werkzeug import Response

from scrapers.http.client import UnexpectedContentError
from scrapers.run import Expected
from scrapers.schema import Paper, Problem
from scrapers.sources import wayback
from tests.scrapers.site import SITE, WaybackMachine, category_page, method_page, methods_page, paper_page

PAGES = {
    "/methods": methods_page(["cnns", "rnns"]),
    "/methods/category/cnns": category_page(["resnet", "vgg"]),
    "/methods/category/rnns": category_page(["lstm"]),
    "/method/resnet": method_page(["one", "two"]),
    "/method/vgg": method_page(["two", "three"]),
    "/method/lstm": method_page(["four"]),
    **{f"/paper/{name}": paper_page(title=f"Paper {name}") for name in ("one", "two", "three", "four", "five")},
    "/paper/one/review/": "<html></html>",
    "/paper/one?from=n1": "<html></html>",
}


@pytest.fixture
def machine(httpserver):
    machine = WaybackMachine(dict(PAGES))
    httpserver.expect_request(re.compile(".*")).respond_with_handler(machine)
    return machine


def titles(items):
    return [item.title.removeprefix("Paper ") for item in items if isinstance(item, Paper)]


def problems(items):
    return {item.url.removeprefix(SITE): item.reason for item in items if isinstance(item, Problem)}


@pytest.mark.parametrize(
    "start, found",
    [
        (["/methods"], ["one", "two", "three", "four"]),
        (["/methods/category/rnns"], ["four"]),
        (["/method/vgg", "/method/resnet"], ["two", "three", "one"]),
        (["/paper/five", "/method/lstm"], ["five", "four"]),
    ],
)
def test_the_crawl(machine, client, base, start, found):
    items = list(wayback.crawl(client, [SITE + path for path in start], base))
    assert titles(items) == found and problems(items) == {}
    assert [item.papers for item in items if isinstance(item, Expected)] == [len(found)]


@pytest.mark.parametrize("last_key", [None, [], [""]])
def test_every_paper_page_by_page_of_the_listing(machine, client, base, last_key):
    machine.last_key = last_key
    assert sorted(titles(wayback.crawl(client, None, base))) == ["five", "four", "one", "three", "two"]
    assert wayback.count(client, base) == 5
    listings = [path for path in machine.served if path.startswith("/cdx")]
    assert len(listings) == len(set(listings)) == 6 and sum("resumeKey" in path for path in listings) == 4


def listing(*rows):
    return Response(json.dumps([["urlkey", "timestamp", "original"], *rows]))


def test_a_listing_that_goes_in_a_circle_is_refused(machine, client, base):
    row = ["com,paperswithcode)/paper/one", "20240101000000", f"{SITE}/paper/one"]
    machine.listing = lambda request: listing(row, [], ["again"])
    (problem,) = wayback.crawl(client, None, base)
    assert problem.reason == "a list of snapshots that goes in a circle, 5 times"
    assert "resumeKey=again" in problem.fetched_from


def test_resume_keys_come_encoded():
    body = b'[["urlkey", "timestamp", "original"], [], ["org%2Carchive%29%2Fa%252b+19980109140106%21"]]'
    assert wayback.parse_listing(body) == ([], "org,archive)/a%2b 19980109140106!")


def test_nothing_is_fetched_twice(machine, make_client, base):
    wanted = [f"{SITE}/methods"]
    first = list(wayback.crawl(make_client(), wanted, base))
    assert list(wayback.crawl(make_client(), wanted, base)) == first
    assert len(machine.served) == len(set(machine.served))


def test_robots_txt_is_obeyed(machine, client, base):
    machine.robots = "User-agent: *\nDisallow: /web/"
    (problem,) = wayback.crawl(client, None, base)
    assert problem.reason == "robots.txt asks programs to stay away"
    assert titles(wayback.crawl(client, None, base, robots=False))


def test_problems_name_the_page_and_what_was_fetched(machine, client, base):
    machine.pages["/paper/one"] = paper_page(abstract=None)
    del machine.pages["/method/vgg"]
    machine.faults["/paper/two"] = [lambda request: Response("", 500)] * 5
    items = list(wayback.crawl(client, [f"{SITE}/methods/category/cnns", f"{SITE}/about", "http://[x"], base))
    assert problems(items) == {
        "/about": "neither a category, a method nor a paper",
        "": "neither a category, a method nor a paper",
        "/method/vgg": "no snapshot",
        "/paper/one": "the page has no abstract (.paper-abstract p)",
        "/paper/two": "HTTP 500, 5 times",
    }
    assert f"{base}/web/20240310120000id_/{SITE}/paper/one" in {
        item.fetched_from for item in items if isinstance(item, Problem)
    }


def test_a_listing_that_fails_is_a_problem(machine, client, base):
    machine.listing = lambda request: Response("<html>Too busy</html>")
    (problem,) = wayback.crawl(client, None, base)
    assert problem.reason == "no list of snapshots where one was promised, 5 times"
    assert problem.fetched_from.startswith(f"{base}/cdx/search/cdx?url=paperswithcode.com%2Fpaper%2F%2A")


def test_an_empty_listing_is_refused(machine, make_client, base):
    empty = [lambda request: Response("[]", content_type="application/json")] * 5
    machine.faults["/cdx/search/cdx"] = list(empty)
    (problem,) = wayback.crawl(make_client(), None, base)
    assert problem.reason == "an empty list of snapshots, 5 times"
    assert len(titles(wayback.crawl(make_client(), None, base))) == 5


def test_late_snapshots_are_preferred_to_first_ones(httpserver, client, base):
    def answer(request):
        stamp = "20240202000000" if "from=2024" in request.full_path else "20190202000000"
        rows = [["com,paperswithcode)/paper/one", stamp, "http://paperswithcode.com:80/paper/one/"]]
        if stamp.startswith("2019"):
            rows.append(["com,paperswithcode)/paper/two", stamp, f"{SITE}/paper/two"])
        return listing(*rows)

    httpserver.expect_request("/cdx/search/cdx").respond_with_handler(answer)
    assert wayback.snapshots(client, "/paper/", base) == {
        "/paper/one": f"{base}/web/20240202000000id_/http://paperswithcode.com:80/paper/one/",
        "/paper/two": f"{base}/web/20190202000000id_/{SITE}/paper/two",
    }


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"{}",
        b'{"a": [1]}',
        b"[1]",
        b"[[]]",
        b'[["a", "b"]]',
        b'[["timestamp", "original"], ["20240101000000", "y"]]',
        b'[["urlkey", "timestamp", "original"], ["k", "x", "y"]]',
        b"[" * 9999,
        b'[["urlkey", "timestamp", "original"], ["k", 20240101000000, "y"]]',
        b'[["urlkey", "timestamp", "original"], ["k", "20240101000000", 5]]',
        b'[["urlkey", "timestamp", "original"], [], [5]]',
        b"\xff\xfe",
        b'"text"',
        b"null",
    ],
)
def test_other_answers_are_no_listing(body):
    with pytest.raises(UnexpectedContentError):
        wayback.parse_listing(body)


def test_an_empty_listing():
    assert wayback.parse_listing(b"[]\n") == wayback.parse_listing(b"") == ([], "")
