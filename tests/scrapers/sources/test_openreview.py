import json
from urllib.parse import parse_qs

import pytest
from werkzeug import Response

from scrapers.http.client import UnexpectedContentError
from scrapers.http.transport import FetchError
from scrapers.run import Expected
from scrapers.schema import Paper, Problem
from scrapers.sources import openreview
from tests.scrapers.site import note

VENUE = "ICLR.cc/2024/Conference"


def serve(httpserver, notes, count=None):
    queries = []

    def handle(request):
        query = {name: values[0] for name, values in parse_qs(request.query_string.decode()).items()}
        queries.append(query)
        start = int(query["offset"])
        page = notes[start : start + int(query["limit"])]
        return Response(json.dumps({"notes": page, "count": len(notes) if count is None else count}))

    httpserver.expect_request("/notes").respond_with_handler(handle)
    return queries


def test_fields():
    ((paper,), count) = openreview.parse_notes(json.dumps({"notes": [note("aB1")], "count": 1}).encode())
    assert count == 1
    assert paper == Paper(
        URLs="https://openreview.net/forum?id=aB1",
        title="A Study",
        abstract="We study.",
        date="2024-01-11",
        venue="ICLR 2024 poster",
        keywords=["things"],
        source="openreview",
    )


@pytest.mark.parametrize("keywords", [["a b", "c"], ["a b; c"], "a b, c", "a b;c;", ["a b", "a b", " c "]])
def test_keywords_in_all_the_ways_they_are_written(keywords):
    ((paper,), _) = openreview.parse_notes(json.dumps({"notes": [note("x", keywords=keywords)], "count": 1}).encode())
    assert paper.keywords == ["a b", "c"]


def test_page_by_page(httpserver, client, base, monkeypatch):
    monkeypatch.setattr(openreview, "PAGE", 2)
    queries = serve(httpserver, [note(f"n{number}", title=f"Study {number}") for number in range(5)])
    items = list(openreview.papers(client, VENUE, api=base))
    assert [item.title for item in items if isinstance(item, Paper)] == [f"Study {number}" for number in range(5)]
    assert items[0] == Expected(5) and openreview.count(client, VENUE, api=base) == 5
    assert [query["offset"] for query in queries] == ["0", "2", "4"]
    assert {query["content.venueid"] for query in queries} == {VENUE}
    openreview.count(client, VENUE, submitted=True, api=base)
    assert queries[-1]["invitation"] == f"{VENUE}/-/Submission"


def test_a_list_that_ends_early_is_a_problem(httpserver, client, base):
    serve(httpserver, [note("a")], count=3)
    *_, problem = openreview.papers(client, VENUE, api=base)
    assert problem.reason == "the list ends after 1 of 3 papers"


def test_an_unknown_venue_is_a_problem(httpserver, client, base):
    serve(httpserver, [])
    *_, problem = openreview.papers(client, "ICLR 2024", api=base)
    assert "no papers of 'ICLR 2024'" in problem.reason and "ICLR.cc/2024/Conference" in problem.reason


def test_a_paper_without_a_part_is_a_problem():
    notes = [note("a", abstract=""), note("b", title=3, abstract=None)]
    items, _ = openreview.parse_notes(json.dumps({"notes": notes, "count": 2}).encode())
    assert items == [
        Problem("https://openreview.net/forum?id=a", "a paper without abstract"),
        Problem("https://openreview.net/forum?id=b", "a paper without title and abstract"),
    ]


def test_problems_say_where_they_came_from(httpserver, client, base):
    serve(httpserver, [note("a", abstract="")])
    *_, problem = openreview.papers(client, VENUE, api=base)
    assert problem.fetched_from.startswith(f"{base}/notes?content.venueid=ICLR.cc")


def test_a_server_in_trouble_is_a_problem(httpserver, client, base):
    httpserver.expect_request("/notes").respond_with_data("<html>Maintenance</html>")
    (problem,) = openreview.papers(client, VENUE, api=base)
    assert problem.reason == "no JSON where JSON was promised, 5 times, for a page of up to 1,000 papers"


@pytest.mark.parametrize(
    "body, said",
    [
        (
            '{"name": "ChallengeRequiredError", "message": "Challenge\\nrequired."}',
            "ChallengeRequiredError: Challenge required",
        ),
        ("<html>Who are you?</html>", "<html>Who are you?</html>"),
        ("[]", "[]"),
        ("", "nothing"),
    ],
)
def test_a_refusal_says_what_is_wanted_and_what_the_server_says(httpserver, client, base, body, said):
    httpserver.expect_request("/notes").respond_with_data(body, 403)
    (problem,) = openreview.papers(client, VENUE, api=base)
    assert problem.reason.startswith(
        f"HTTP 403, OpenReview wants a login or a browser check; it says: {said}; OPENREVIEW_TOKEN may hold"
    )
    with pytest.raises(FetchError, match="wants a login") as refusal:
        openreview.count(client, VENUE, api=base)
    assert refusal.value.url.startswith(base) and client.fetched == 2


def test_a_note_of_another_form_does_not_hide_the_others(httpserver, client, base):
    odd = [
        {},
        1,
        {"content": {}},
        note("c") | {"pdate": 10**300},
        note("d") | {"pdate": "x"},
        note("e") | {"pdate": 1e18},
    ]
    serve(httpserver, [*odd, note("a", keywords=["x", None])])
    *problems, paper = list(openreview.papers(client, VENUE, api=base))[1:]
    assert paper.title == "A Study" and paper.keywords == ["x"]
    assert len(problems) == len(odd) and all("a note of another form" in problem.reason for problem in problems)


def test_pages_after_one_that_never_comes_are_read(httpserver, client, base, monkeypatch):
    monkeypatch.setattr(openreview, "PAGE", 2)

    def answer(request):
        offset = int(request.args["offset"])
        return Response(
            "" if offset == 2 else json.dumps({"notes": [note(f"a{offset}"), note(f"b{offset}")], "count": 6})
        )

    httpserver.expect_request("/notes").respond_with_handler(answer)
    items = list(openreview.papers(client, VENUE, api=base))
    assert [item.URLs[-2:] for item in items if isinstance(item, Paper)] == ["a0", "b0", "a4", "b4"]
    assert [item.reason for item in items if isinstance(item, Problem)] == [
        "no JSON where JSON was promised, 5 times, for a page of up to 2 papers"
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"notes": 1, "count": 1}',
        b'{"notes": [], "count": 1e999}',
        b'{"notes": []}',
        b"[" * 9999,
        b'{"notes": [], "count": null}',
        b"\xff",
    ],
)
def test_other_answers_are_no_notes(body):
    with pytest.raises(UnexpectedContentError):
        openreview.parse_notes(body)
