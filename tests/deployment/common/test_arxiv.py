"""arXiv's API as a server on loopback that speaks its format and misbehaves; the papers are invented."""

import threading
import time
from itertools import pairwise

import pytest
from werkzeug import Response

from deployment.common import arxiv as module
from deployment.common.arxiv import Arxiv, ArxivError, Paper

FEED = """<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom"><title>arXiv Query</title>{}</feed>"""
ENTRY = """<entry><id>http://arxiv.org/abs/{id}v2</id><title>Second
  glances &amp; more</title><summary>  We look
twice. </summary></entry>"""
BOMB = """<!DOCTYPE feed [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>2401.01234</id><title>&b;</title></entry></feed>"""


def feed(id="2401.01234"):
    return FEED.format(ENTRY.format(id=id))


@pytest.fixture
def api(httpserver):
    return Arxiv(httpserver.url_for("/api/query"), pace=0)


def answer(httpserver, body, **options):
    httpserver.expect_request("/api/query").respond_with_data(body, **options)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2401",
        "2401.012345",
        "٢٤٠١.٠١٢٣٤",
        "2413.01234",
        "https://example.org/abs/2401.01234",
        "https://arxiv.org.example.org/abs/2401.01234",
        "https://arxiv.org@example.org/abs/2401.01234",
        "https://arxiv.org/list/cs.CL/2401.01234",
        "https://arxiv.org/abs/2401.01234/v1",
        "https://doi.org/10.1000/arXiv.2401.01234",
        "2401.01234 [cs.CL] 2401.01235",
        "file:///abs/2401.01234",
        "2401.01234,2401.01235",
        "2401.01234&max_results=9",
        "2401.01234\n2401.01235",
        "2401.01234" + "?" * 300,
    ],
)
def test_anything_else_is_refused_and_nothing_is_asked(httpserver, api, text):
    with pytest.raises(ArxivError, match="not an arXiv id"):
        api.paper(text)
    assert httpserver.log == []


def test_title_and_abstract_on_one_line(httpserver, api):
    answer(httpserver, feed())
    assert api.paper("https://arxiv.org/abs/2401.01234v2") == Paper("Second glances & more", "We look twice.")
    (request, _), *_ = httpserver.log
    assert dict(request.args) == {"id_list": "2401.01234", "max_results": "1"}


def test_the_subject_of_an_old_id_is_left_out(httpserver, api):
    answer(httpserver, feed("math/0309136"))
    assert api.paper("math.GT/0309136").title == "Second glances & more"
    (request, _), *_ = httpserver.log
    assert request.args["id_list"] == "math/0309136"


ERROR = "<entry><id>http://arxiv.org/api/errors#x</id><title>Error</title><summary>incorrect id</summary></entry>"


@pytest.mark.parametrize("entries", ["", ENTRY.format(id="2401.99999"), ERROR], ids=["none", "another", "error"])
def test_no_such_paper(httpserver, api, entries):
    answer(httpserver, FEED.format(entries))
    with pytest.raises(ArxivError, match=r"^arXiv has no paper 2401\.01234\.$"):
        api.paper("2401.01234")


@pytest.mark.parametrize(
    "body, status, reason",
    [
        (b"", 500, "status 500"),
        (b"", 429, "status 429"),
        (b"", 302, "status 302"),
        (b"\xff\x00 garbage", 200, "cannot be read"),
        (b"<html><p>Sorry</p></html>", 200, "cannot be read"),
        (b"<?xml version='1.0' encoding='no-such'?><feed/>", 200, "cannot be read"),
        (BOMB.encode(), 200, "cannot be read"),
        (feed().encode() + b" " * module.MOST_BYTES, 200, "too long"),
        (FEED.format("<entry><id>2401.01234</id><title>T</title></entry>").encode(), 200, "lacks"),
    ],
    ids=["500", "429", "redirect", "garbage", "html", "encoding", "entities", "huge", "no abstract"],
)
def test_a_server_in_trouble_gets_one_sentence(httpserver, api, body, status, reason):
    answer(httpserver, body, status=status, headers={"Location": httpserver.url_for("/elsewhere")})
    with pytest.raises(ArxivError, match=reason) as caught:
        api.paper("2401.01234")
    assert "\n" not in str(caught.value) and "paste title and abstract" in str(caught.value)
    assert len(httpserver.log) == 1


def test_a_compressed_bomb_is_not_inflated(httpserver, api):
    answer(httpserver, b"\x1f\x8b" + b"\0" * 1000, headers={"Content-Encoding": "gzip"})
    with pytest.raises(ArxivError, match="cannot be read"):
        api.paper("2401.01234")


def test_no_server():
    with pytest.raises(ArxivError, match="no connection"):
        Arxiv("http://127.0.0.1:9/api/query").paper("2401.01234")


@pytest.mark.parametrize("kind", ["silent", "dripping"])
def test_a_slow_server(httpserver, api, monkeypatch, kind):
    api._client.timeout = 0.3
    monkeypatch.setattr(module, "DEADLINE", 0.5)
    ended = threading.Event()

    def drip():
        for letter in feed():
            yield letter
            if ended.wait(0.1):
                return

    def slowly(request):
        if kind == "silent":
            ended.wait(20)
        return Response(drip())

    httpserver.expect_request("/api/query").respond_with_handler(slowly)
    start = time.monotonic()
    try:
        with pytest.raises(ArxivError, match="does not answer in time" if kind == "silent" else "too slowly"):
            api.paper("2401.01234")
        assert time.monotonic() - start < 8
    finally:
        ended.set()


def test_all_users_take_turns(httpserver):
    times = []

    def note(request):
        times.append(time.monotonic())
        return Response(feed())

    httpserver.expect_request("/api/query").respond_with_handler(note)
    shared = Arxiv(httpserver.url_for("/api/query"), pace=0.4)
    users = [threading.Thread(target=shared.paper, args=("2401.01234",)) for _ in range(3)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert len(times) == 3 and min(after - before for before, after in pairwise(times)) >= 0.4


def test_a_user_who_waits_too_long_gets_a_sentence(httpserver, monkeypatch):
    monkeypatch.setattr(module, "QUEUE", 0.1)
    answer(httpserver, feed())
    busy = Arxiv(httpserver.url_for("/api/query"), pace=0)
    with busy._turn, pytest.raises(ArxivError, match="try again in a minute"):
        busy.paper("2401.01234")
