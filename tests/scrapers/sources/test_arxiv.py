from datetime import date
from urllib.parse import parse_qs

import pytest
from werkzeug import Response

from paper_tasks.errors import InputError
from scrapers.http.client import UnexpectedContentError
from scrapers.run import Expected
from scrapers.schema import Paper, Problem
from scrapers.sources import arxiv
from tests.scrapers.site import atom, atom_entry, oai, oai_record

JANUARY = date(2026, 1, 1), date(2026, 1, 31)


def papers(items):
    return [item for item in items if isinstance(item, Paper)]


def problems(items):
    return [item for item in items if isinstance(item, Problem)]


def serve(httpserver, answer):
    """Answers /api/query with answer(query); returns the queries."""
    queries = []

    def handle(request):
        queries.append({name: values[0] for name, values in parse_qs(request.query_string.decode()).items()})
        return Response(answer(queries[-1]), content_type="application/atom+xml")

    httpserver.expect_request("/api/query").respond_with_handler(handle)
    return queries


def test_fields():
    ((paper,), total) = arxiv.parse_atom(
        atom([atom_entry("2601.00001", "On\n  X &", "We\nstudy.", journal="J 1")]).encode()
    )
    assert total == 1
    assert paper == Paper(
        URLs="https://arxiv.org/abs/2601.00001",
        title="On X &",
        abstract="We study.",
        arxiv_id="2601.00001",
        date="2026-01-02",
        venue="J 1",
        source="arxiv",
    )


def test_month_by_month_and_page_by_page(httpserver, client, base, monkeypatch):
    monkeypatch.setattr(arxiv, "PAGE", 2)
    numbers = {"202601": ["2601.00001", "2601.00002", "2601.00003"], "202602": ["2602.00001"]}

    def answer(query):
        month = numbers[query["search_query"].partition("[")[2][:6]]
        start = int(query["start"])
        return atom([atom_entry(number) for number in month[start : start + 2]], len(month))

    queries = serve(httpserver, answer)
    items = list(arxiv.by_category(client, "cs.CL", date(2026, 1, 10), date(2026, 2, 5), f"{base}/api/query"))
    assert [paper.arxiv_id for paper in papers(items)] == numbers["202601"] + numbers["202602"]
    assert sum(item.papers for item in items if isinstance(item, Expected)) == 4
    assert [query["search_query"] for query in queries[::2]] == [
        "cat:cs.CL AND submittedDate:[202601100000 TO 202601312359]",
        "cat:cs.CL AND submittedDate:[202602010000 TO 202602052359]",
    ]
    assert arxiv.count(client, "cs.CL", date(2026, 1, 10), date(2026, 2, 5), f"{base}/api/query") == 4
    assert client.fetched == 3


def test_an_empty_or_short_page_is_asked_for_again(httpserver, client, base):
    entries = [atom_entry("2601.00001"), atom_entry("2601.00002")]
    pages = [atom([], 2), atom(entries[:1], 2), atom(entries, 2)]
    serve(httpserver, lambda query: pages.pop(0))
    assert len(papers(arxiv.by_category(client, "cs.CL", *JANUARY, f"{base}/api/query"))) == 2


def test_more_papers_than_the_api_gives_are_a_problem(httpserver, client, base, monkeypatch):
    monkeypatch.setattr(arxiv, "PAGE", 1)
    monkeypatch.setattr(arxiv, "MOST", 2)
    queries = serve(httpserver, lambda query: atom([atom_entry(f"2601.0000{query['start']}")], 5))
    items = list(arxiv.by_category(client, "cs.CL", *JANUARY, f"{base}/api/query"))
    (problem,) = problems(items)
    assert (
        len(papers(items)) == len(queries) == 2
        and "5 papers in a month" in problem.reason
        and "--oai" in problem.reason
    )


def test_only_a_category_without_any_papers_is_a_problem(httpserver, client, base):
    queries = serve(
        httpserver,
        lambda query: atom(
            [atom_entry("2602.00001")] if "cs.CL AND submittedDate:[202602" in query["search_query"] else []
        ),
    )
    time = date(2026, 1, 10), date(2026, 2, 5)
    assert problems(arxiv.by_category(client, "cs.CL", *time, f"{base}/api/query")) == []
    (problem,) = arxiv.by_category(client, "cs.XX", *time, f"{base}/api/query")
    assert problem.reason == "arXiv has no papers of 'cs.XX' from that time; a category looks like cs.CL"
    assert len(queries) == 4 and "cs.XX+AND+submittedDate%3A%5B20260201" in problem.url


def test_by_number_in_order_and_what_is_missing(httpserver, client, base):
    serve(httpserver, lambda query: atom([atom_entry("2601.00002"), atom_entry("2601.00001")]))
    numbers = ["https://arxiv.org/abs/2601.00001v1", "nonsense", "2601.00002", "2601.99999"]
    items = list(arxiv.by_number(client, numbers, f"{base}/api/query"))
    assert [paper.arxiv_id for paper in papers(items)] == ["2601.00001", "2601.00002"]
    assert [(problem.url, problem.reason[:15]) for problem in problems(items)] == [
        ("nonsense", "'nonsense' is n"),
        ("https://arxiv.org/abs/2601.99999", "arXiv does not "),
    ]


def test_a_number_that_arxiv_cannot_read_does_not_hide_the_others(httpserver, client, base):
    wrong, asked = "xyz/0101001", []

    def handle(request):
        asked.append(request.args["id_list"].split(","))
        entries = [atom_entry(number) for number in asked[-1]]
        return Response("", 400) if wrong in asked[-1] else Response(atom(entries))

    httpserver.expect_request("/api/query").respond_with_handler(handle)
    numbers = [f"2601.{number:05}" for number in range(99)]
    items = list(arxiv.by_number(client, [*numbers[:40], wrong, *numbers[40:]], f"{base}/api/query"))
    assert [paper.arxiv_id for paper in papers(items)] == numbers
    (problem,) = problems(items)
    assert problem.url == f"https://arxiv.org/abs/{wrong}" and problem.reason == "HTTP 400"
    assert len(asked) < 20 and wrong in problem.fetched_from.replace("%2F", "/")


def test_a_paper_without_a_part_is_a_problem():
    ((problem,), _) = arxiv.parse_atom(atom([atom_entry("2601.00001", title=" ", summary="")]).encode())
    assert problem == Problem("https://arxiv.org/abs/2601.00001", "a paper without title and abstract")


def test_a_failing_page_is_a_problem(httpserver, client, base):
    serve(httpserver, lambda query: "<html>Rate exceeded</html>")
    (problem,) = arxiv.by_category(client, "cs.CL", *JANUARY, f"{base}/api/query")
    assert problem.reason == "<html> where <feed> was promised, 5 times, for a page of up to 500 papers"


def test_pages_after_one_that_never_comes_are_read(httpserver, client, base, monkeypatch):
    monkeypatch.setattr(arxiv, "PAGE", 2)
    entries = [atom_entry(f"2601.0000{number}") for number in range(5)]

    def answer(query):
        start = int(query["start"])
        return atom(entries[start : start + (1 if start == 2 else 2)], 5)

    serve(httpserver, answer)
    items = list(arxiv.by_category(client, "cs.CL", *JANUARY, f"{base}/api/query"))
    assert [paper.arxiv_id for paper in papers(items)] == [
        *("2601.00000", "2601.00001", "2601.00002", "2601.00004"),
    ]
    (problem,) = problems(items)
    assert "start=2" in problem.url and problem.reason == "1 of 2 papers did not come"


@pytest.mark.parametrize("lengths, came", [([0, 1, 0, 0, 0], 1), ([0] * 5, 0)])
def test_the_fullest_answer_counts_if_a_page_is_never_complete(httpserver, client, base, monkeypatch, lengths, came):
    monkeypatch.setattr(arxiv, "PAGE", 2)
    entries = [atom_entry(f"2601.0000{number}") for number in range(3)]

    def answer(query):
        return atom(entries[2:] if query["start"] == "2" else entries[: lengths.pop(0)], 3)

    serve(httpserver, answer)
    items = list(arxiv.by_category(client, "cs.CL", *JANUARY, f"{base}/api/query"))
    assert [paper.arxiv_id for paper in papers(items)] == ["2601.00000"] * came + ["2601.00002"]
    assert [problem.reason for problem in problems(items)] == [f"{2 - came} of 2 papers did not come"]


ENTITIES = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><feed xmlns="http://www.w3.org/2005/Atom">&b;</feed>'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        atom([atom_entry("2601.00001")])[:-10].encode(),
        atom([]).replace("totalResults", "x").encode(),
        ENTITIES,
        ENTITIES.decode().encode("utf-16"),
        "<a>ü</a>".encode("latin-1"),
        b'<?xml version="1.0" encoding="x"?><a/>',
        b"\0" * 99,
    ],
)
def test_other_answers_are_no_feed(body):
    for parse in (arxiv.parse_atom, arxiv.parse_oai):
        with pytest.raises(UnexpectedContentError):
            parse(body)


def test_an_error_feed_is_reported():
    entry = "<entry><id>http://arxiv.org/api/errors#incorrect_id</id><summary>incorrect id\n format</summary></entry>"
    with pytest.raises(UnexpectedContentError, match="arXiv says: incorrect id format"):
        arxiv.parse_atom(atom([entry]).encode())


@pytest.mark.parametrize("category", ["cs.CL AND all:x", "cs.", "CS", "", "cs.CL&max_results=9"])
def test_no_category(client, category):
    with pytest.raises(InputError, match="is not an arXiv category"):
        list(arxiv.by_category(client, category, *JANUARY))


@pytest.mark.parametrize(
    "category, spec",
    [("cs", "cs"), ("cs.CL", "cs:cs:CL"), ("hep-th", "physics:hep-th"), ("astro-ph.CO", "physics:astro-ph:CO")],
)
def test_oai_sets(category, spec):
    assert arxiv.oai_set(category) == spec


def serve_oai(httpserver, pages):
    """`pages`: answers by resumption token, "" for the first; lists are answered in turn."""
    asked = []

    def handle(request):
        query = {name: values[0] for name, values in parse_qs(request.query_string.decode()).items()}
        asked.append(query)
        answer = pages[query.get("resumptionToken", "")]
        return Response(answer.pop(0) if isinstance(answer, list) else answer, content_type="text/xml")

    httpserver.expect_request("/oai").respond_with_handler(handle)
    return asked


def test_harvest(httpserver, client, base):
    asked = serve_oai(
        httpserver,
        {
            "": oai([oai_record("2601.00001"), oai_record("2601.00002", status="deleted")], "t|1", 4),
            "t|1": oai([oai_record("2601.00003"), oai_record("2601.00004", abstract="")], ""),
        },
    )
    items = list(arxiv.harvest(client, "cs.CL", date(2026, 1, 1), f"{base}/oai"))
    assert [paper.arxiv_id for paper in papers(items)] == ["2601.00001", "2601.00003"]
    assert [problem.reason for problem in problems(items)] == ["a paper without abstract"]
    assert problems(items)[0].fetched_from == f"{base}/oai?verb=ListRecords&resumptionToken=t%7C1"
    assert items[0] == Expected(4) and arxiv.count_harvest(client, "cs.CL", date(2026, 1, 1), f"{base}/oai") == 4
    assert asked == [
        {"verb": "ListRecords", "metadataPrefix": "arXiv", "set": "cs:cs:CL", "from": "2026-01-01"},
        {"verb": "ListRecords", "resumptionToken": "t|1"},
    ]


def test_an_expired_token_begins_anew(httpserver, make_client, base):
    pages = {
        "": [oai([oai_record("2601.00001")], "old"), oai([oai_record("2601.00001")], "new")],
        "old": oai(error="badResumptionToken"),
        "new": oai([oai_record("2601.00002")]),
    }
    asked = serve_oai(httpserver, pages)
    for _ in range(2):
        items = list(arxiv.harvest(make_client(), "cs", date(2026, 1, 1), f"{base}/oai"))
        assert problems(items) == []
    # The second time, the chain that works is in the cache.
    assert [paper.arxiv_id for paper in papers(items)] == ["2601.00001", "2601.00002"] and len(asked) == 4


def test_a_server_that_never_knows_its_token(httpserver, client, base):
    serve_oai(httpserver, {"": oai([], "t"), "t": oai(error="badResumptionToken")})
    (problem,) = problems(arxiv.harvest(client, "cs", date(2026, 1, 1), f"{base}/oai"))
    assert problem.reason == "the server does not know its own resumption token"


def test_nothing_to_harvest(httpserver, client, base):
    serve_oai(httpserver, {"": oai(error="noRecordsMatch")})
    expected, problem = arxiv.harvest(client, "cs", date(2026, 1, 1), f"{base}/oai")
    assert expected == Expected(0) and problem.reason.startswith("arXiv has no papers of 'cs' from that time")
    assert arxiv.count_harvest(client, "cs", date(2026, 1, 1), f"{base}/oai") == 0


def test_a_server_that_does_not_say_how_many(httpserver, client, base):
    serve_oai(httpserver, {"": oai([oai_record("2601.00001")], "t"), "t": oai([oai_record("2601.00002")], "")})
    assert arxiv.count_harvest(client, "cs", date(2026, 1, 1), f"{base}/oai") is None
    assert len(papers(arxiv.harvest(client, "cs", date(2026, 1, 1), f"{base}/oai"))) == 2


def test_nothing_is_asked_from_before_the_first_day(httpserver, client, base):
    asked = serve_oai(httpserver, {"": oai([oai_record("math/9901001", created="1999-01-02")])})
    assert len(papers(arxiv.harvest(client, "math", date(1999, 1, 1), f"{base}/oai"))) == 1
    assert asked[0]["from"] == "2005-09-16"


def test_a_wrong_request_is_not_repeated(httpserver, client, base):
    asked = serve_oai(httpserver, {"": oai(error="badArgument")})
    (problem,) = problems(arxiv.harvest(client, "cs", date(2026, 1, 1), f"{base}/oai"))
    assert problem.reason == "arXiv says: badArgument, It is so" and len(asked) == 1


def test_other_oai_errors_are_reported():
    with pytest.raises(UnexpectedContentError, match="arXiv says: badVerb, It is so"):
        arxiv.parse_oai(oai(error="badVerb").encode())
    with pytest.raises(UnexpectedContentError, match="without ListRecords"):
        arxiv.parse_oai(oai().replace("ListRecords", "Identify").encode())


def test_months():
    assert list(arxiv.months(date(2025, 12, 30), date(2026, 2, 1))) == [
        (date(2025, 12, 30), date(2025, 12, 31)),
        (date(2026, 1, 1), date(2026, 1, 31)),
        (date(2026, 2, 1), date(2026, 2, 1)),
    ]
    assert next(arxiv.months(date(1, 1, 1), date(2026, 1, 1)))[0] == arxiv.FIRST_DAY
