import gzip
import json
import time
from datetime import timedelta

import pytest
from werkzeug import Response

from scrapers.http import transport
from scrapers.http.client import Client, UnexpectedContentError
from scrapers.http.transport import FetchError


def serve(httpserver, path, *answers):
    """Gives one answer after the other at `path`, then the last for ever; returns the list of requests so far."""
    asked = []

    def handle(request):
        asked.append(request)
        answer = answers[min(len(asked), len(answers)) - 1]
        return answer if isinstance(answer, Response) else answer()

    httpserver.expect_request(path).respond_with_handler(handle)
    return asked


def parse_json(body):
    try:
        return json.loads(body)
    except ValueError as error:
        raise UnexpectedContentError("no JSON") from error


def test_an_answer_is_fetched_once(httpserver, base, make_client):
    asked = serve(httpserver, "/a", Response("é", headers={"Vary": "*", "Cache-Control": "no-store"}))
    first = make_client()
    assert [first.get(f"{base}/a", bytes) for _ in range(2)] == ["é".encode()] * 2
    second = make_client(contact="me@example.org")
    assert second.get(f"{base}/a", bytes) == "é".encode()
    assert len(asked) == 1
    assert (first.fetched, first.from_cache, second.fetched, second.from_cache) == (1, 1, 0, 1)


def test_an_old_answer_is_fetched_again(httpserver, base, make_client):
    asked = serve(httpserver, "/a", Response("one"), Response("two"))
    client = make_client(keep=timedelta(milliseconds=1))
    assert client.get(f"{base}/a", bytes) == b"one"
    time.sleep(0.01)
    assert client.get(f"{base}/a", bytes) == b"two" and len(asked) == 2


def test_ask_again_keeps_the_new_answer(httpserver, base, make_client):
    asked = serve(httpserver, "/a", Response("one"), Response("two"))
    client = make_client()
    assert client.get(f"{base}/a", bytes) == b"one"
    assert client.get(f"{base}/a", bytes, ask_again=True) == b"two"
    assert client.get(f"{base}/a", bytes) == make_client().get(f"{base}/a", bytes) == b"two"
    assert len(asked) == 2


def test_user_agent_says_who_asks(httpserver, base, make_client):
    asked = serve(httpserver, "/a", Response("."))
    make_client(contact="me@example.org").get(f"{base}/a", bytes)
    assert asked[0].headers["User-Agent"] == f"{transport.PROJECT}/0.1 (+{transport.ADDRESS}; me@example.org)"


def test_a_token_is_sent_along_and_not_stored(httpserver, base, make_client):
    asked = serve(httpserver, "/a", Response("", 500), Response("", 302, {"Location": "/b"}))
    serve(httpserver, "/b", Response("."))
    client = make_client(token="s3cret")
    for path in ("a", "b"):
        client.get(f"{base}/{path}", bytes, ask_again=True)
    assert [request.headers["Authorization"] for request in asked] == ["Bearer s3cret"] * 2
    with client.cache.responses.connection() as connection:
        stored = [gzip.decompress(value) for (value,) in connection.execute("SELECT value FROM responses")]
    assert stored and all(b"User-Agent" in value and b"s3cret" not in value for value in stored)


def test_pace(httpserver, base, make_client):
    serve(httpserver, "/a", Response("."))
    client = make_client(pace=0.2)
    started = time.monotonic()
    for _ in range(4):
        client.get(f"{base}/a", bytes, ask_again=True)
    assert time.monotonic() - started >= 0.6


def test_pace_of_a_part_of_the_site(httpserver, base, make_client):
    serve(httpserver, "/slow/a", Response("."))
    client = make_client(paces={f"{base}/slow/": 0.3})
    started = time.monotonic()
    for _ in range(2):
        client.get(f"{base}/slow/a", bytes, ask_again=True)
    assert time.monotonic() - started >= 0.3


@pytest.mark.parametrize("status", [429, 500, 503])
def test_retry_after_is_honoured(httpserver, base, client, slept, status):
    serve(httpserver, "/a", Response("later", status, {"Retry-After": "37"}), Response("now"))
    assert client.get(f"{base}/a", bytes) == b"now"
    assert len(slept) == 1 and 37 <= slept[0] <= 37 * 1.5


def test_retry_after_as_a_date(httpserver, base, client, slept):
    when = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 100))
    serve(httpserver, "/a", Response("", 429, {"Retry-After": when}), Response("now"))
    assert client.get(f"{base}/a", bytes) == b"now" and 90 <= slept[0] <= 150


@pytest.mark.parametrize("when", [None, "soon", "9" * 5000, "Wed, 21 Oct 99999 07:28:00 GMT"])
def test_429_without_a_time_waits_a_minute(httpserver, base, client, slept, when):
    serve(httpserver, "/a", Response("", 429, {"Retry-After": when} if when else {}), Response("now"))
    assert client.get(f"{base}/a", bytes) == b"now" and slept[0] >= 60


def test_a_wait_of_hours_ends_the_asking_but_not_the_run(httpserver, base, client, slept):
    serve(httpserver, "/stored", Response("stored"))
    client.get(f"{base}/stored", bytes)
    serve(httpserver, "/a", Response("", 429, {"Retry-After": "7200"}))
    asked = serve(httpserver, "/b", Response("."))
    with pytest.raises(FetchError, match="HTTP 429, come back in 120 minutes"):
        client.get(f"{base}/a", bytes)
    with pytest.raises(FetchError, match=r"not asked: .* wants 120 minutes of quiet"):
        client.get(f"{base}/b", bytes)
    assert client.get(f"{base}/stored", bytes) == b"stored"
    assert slept == [] and asked == []


def test_waits_grow_and_have_jitter(httpserver, base, client, slept):
    asked = serve(httpserver, "/a", Response("", 500))
    with pytest.raises(FetchError, match="HTTP 500, 5 times"):
        client.get(f"{base}/a", bytes)
    assert len(asked) == 5
    assert all(2**number <= seconds <= 1.5 * 2**number for number, seconds in enumerate(slept, start=1))
    assert len(slept) == 4 and any(seconds != round(seconds) for seconds in slept)


def test_no_error_is_stored(httpserver, base, client, make_client):
    asked = serve(httpserver, "/a", *[Response("", 500)] * 5, Response("well again"))
    with pytest.raises(FetchError):
        client.get(f"{base}/a", bytes)
    assert make_client().get(f"{base}/a", bytes) == b"well again" and len(asked) == 6


def test_a_server_that_is_down_is_left_alone(httpserver, base, client):
    asked = serve(httpserver, "/down", Response("", 503))
    for number in range(5):
        with pytest.raises(FetchError, match="HTTP 503, 5 times"):
            client.get(f"{base}/down?{number}", bytes)
    with pytest.raises(FetchError, match="not asked: 5 addresses in a row had failed"):
        client.get(f"{base}/down?6", bytes)
    assert len(asked) == 25


def test_stored_answers_say_nothing_about_a_server_that_is_down(httpserver, base, client):
    serve(httpserver, "/stored", Response("stored"), Response("", 503))
    client.get(f"{base}/stored", bytes)
    serve(httpserver, "/down", Response("", 503))
    for number in range(5):
        client.get(f"{base}/stored", bytes)
        with pytest.raises(FetchError, match="HTTP 503"):
            client.get(f"{base}/down?{number}", bytes)
    with pytest.raises(FetchError, match="not asked"):
        client.get(f"{base}/down?6", bytes)
    assert client.get(f"{base}/stored", bytes) == b"stored"


def test_addresses_that_fail_for_good_stop_no_run_that_goes_on(httpserver, base, make_client):
    serve(httpserver, "/well", Response("well"))
    serve(httpserver, "/down", Response("", 503))
    make_client().get(f"{base}/well", bytes)
    client = make_client()
    client.get(f"{base}/well", bytes)
    for number in range(12):
        with pytest.raises(FetchError, match="HTTP 503, 5 times"):
            client.get(f"{base}/down?{number}", bytes)


def test_one_part_of_a_server_says_nothing_about_another(httpserver, base, make_client):
    serve(httpserver, "/cdx/well", Response("well"))
    serve(httpserver, "/robots.txt", Response(""))
    serve(httpserver, "/down", Response("", 503))
    client = make_client(paces={f"{base}/cdx/": 0.001})
    client.get(f"{base}/cdx/well", bytes)
    client.obey_robots(base)
    for number in range(5):
        with pytest.raises(FetchError, match="HTTP 503, 5 times"):
            client.get(f"{base}/down?{number}", bytes)
    with pytest.raises(FetchError, match="not asked"):
        client.get(f"{base}/down?6", bytes)


def test_pages_that_are_not_there_are_answers(httpserver, base, client):
    serve(httpserver, "/down", Response("", 503))
    serve(httpserver, "/gone", Response("", 404))
    for number in range(7):
        for path in ("down", "gone"):
            with pytest.raises(FetchError, match="HTTP"):
                client.get(f"{base}/{path}?{number}", bytes)


def test_a_missing_page_is_reported_and_not_asked_for_twice(httpserver, base, client):
    asked = serve(httpserver, "/gone", Response("", 404))
    for _ in range(2):
        with pytest.raises(FetchError, match="HTTP 404"):
            client.get(f"{base}/gone", bytes)
    assert len(asked) == 1


WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole"
HALVES = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 99\r\n\r\n" + gzip.compress(b"half", mtime=0)[:15],
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nhalf",
    b"",
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"\x00" * 5000,
]


@pytest.mark.parametrize("half", HALVES)
def test_cut_and_garbled_answers_are_asked_for_again(raw_server, make_client, half):
    host = raw_server(half, WHOLE)
    assert make_client(hosts={host}).get(f"http://{host}/a", bytes) == b"whole"


def test_slow_bodies_end(httpserver, base, client, monkeypatch):
    def trickle():
        for _ in range(400):
            yield b"."
            time.sleep(0.05)

    monkeypatch.setattr(transport, "BODY_SECONDS", 0.2)
    asked = serve(httpserver, "/a", lambda: Response(trickle()), Response("quick"))
    started = time.monotonic()
    assert client.get(f"{base}/a", bytes) == b"quick" and len(asked) == 2
    assert time.monotonic() - started < 10


def test_a_server_that_says_nothing(httpserver, base, client, monkeypatch):
    monkeypatch.setattr("scrapers.http.client.READ_SECONDS", 0.2)

    def silent():
        time.sleep(0.6)
        return Response("late")

    serve(httpserver, "/a", silent, Response("quick"))
    assert client.get(f"{base}/a", bytes) == b"quick"


def test_a_refused_connection(make_client):
    client = make_client(hosts={"127.0.0.1:1"})
    with pytest.raises(FetchError, match=r"the connection failed .*refused.* 5 times"):
        client.get("http://127.0.0.1:1/a", bytes)


def test_html_where_json_was_promised(httpserver, base, client, make_client, slept):
    asked = serve(httpserver, "/a", Response("<html>Busy</html>"), Response('{"a": 1}'))
    assert client.get(f"{base}/a", parse_json) == {"a": 1}
    assert make_client().get(f"{base}/a", parse_json) == {"a": 1} and len(asked) == 2 and len(slept) == 1
    serve(httpserver, "/b", Response("<html>Busy</html>"))
    with pytest.raises(FetchError, match="no JSON, 5 times"):
        client.get(f"{base}/b", parse_json)


def test_a_useless_stored_answer_is_fetched_again_without_waiting(httpserver, base, client, slept):
    serve(httpserver, "/a", Response("<html>Busy</html>"), Response("[]"))
    client.get(f"{base}/a", bytes)
    assert client.get(f"{base}/a", parse_json) == [] and slept == []


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.1:9/", "https://example.org/", "file:///etc/passwd", "ftp://localhost/", "//example.org/"],
)
def test_redirects_elsewhere_are_refused(httpserver, base, client, slept, target):
    asked = serve(httpserver, "/a", Response("", 302, {"Location": target}))
    with pytest.raises(FetchError):
        client.get(f"{base}/a", bytes)
    assert len(asked) == 1 and slept == []


def test_a_redirect_to_no_address_is_refused(raw_server, make_client, slept):
    host = raw_server(b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n")
    with pytest.raises(FetchError):
        make_client(hosts={host}).get(f"http://{host}/a", bytes)
    assert slept == []


def test_redirects_at_home_are_followed_and_stored(httpserver, base, make_client):
    asked = serve(httpserver, "/a", Response("", 302, {"Location": "/b"}))
    asked_target = serve(httpserver, "/b", Response("there"))
    assert [make_client().get(f"{base}/a", bytes) for _ in range(2)] == [b"there"] * 2
    assert len(asked) == len(asked_target) == 1


def test_redirects_in_a_circle_end(httpserver, base, client):
    serve(httpserver, "/a", Response("", 302, {"Location": "/a"}))
    with pytest.raises(FetchError, match="redirects"):
        client.get(f"{base}/a", bytes)


def test_other_hosts_are_refused(client):
    for url in ("http://example.org/", "ftp://127.0.0.1/", "http://user@127.0.0.1:99/"):
        with pytest.raises(FetchError, match=r"which is not a host of this source|leads to"):
            client.get(url, bytes)


def test_oversized_bodies_are_refused(httpserver, base, client, monkeypatch):
    monkeypatch.setattr(transport, "MAX_BYTES", 1 << 20)
    asked = serve(httpserver, "/a", Response(b"x" * (2 << 20)))
    with pytest.raises(FetchError, match="a body of more than 1 MB"):
        client.get(f"{base}/a", bytes)
    assert len(asked) == 1


def test_decompression_bombs_are_refused(httpserver, base, client):
    bomb = gzip.compress(b"\0" * (65 << 20))
    serve(httpserver, "/a", Response(bomb, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(FetchError, match="a body of more than 64 MB"):
        client.get(f"{base}/a", bytes)
    chain = bomb
    for _ in range(9):
        chain = gzip.compress(chain)
    serve(httpserver, "/b", Response(chain, headers={"Content-Encoding": ", ".join(["gzip"] * 10)}))
    with pytest.raises(FetchError):
        client.get(f"{base}/b", bytes)


def test_robots(httpserver, base, make_client):
    asked = serve(httpserver, "/robots.txt", Response("User-agent: *\nDisallow: /private/\nCrawl-delay: 1"))
    serve(httpserver, "/web/a", Response("."))
    client = make_client()
    for urls in ([f"{base}/private/"], [f"{base}/web/", f"{base}/private/a"]):
        with pytest.raises(FetchError, match=r"robots.txt asks programs to stay away"):
            client.obey_robots(*urls)
    client.obey_robots(f"{base}/web/")
    assert len(asked) == 1
    started = time.monotonic()
    for _ in range(2):
        client.get(f"{base}/web/a", bytes, ask_again=True)
    assert time.monotonic() - started >= 1


@pytest.mark.parametrize("rules", ["User-agent: *\nDisallow: /*", "\ufeffUser-agent: *\nDisallow: /w*b/"])
def test_robots_with_wildcards_and_a_byte_order_mark(httpserver, base, client, rules):
    serve(httpserver, "/robots.txt", Response(rules))
    with pytest.raises(FetchError, match="stay away"):
        client.obey_robots(f"{base}/web/")


def test_a_crawl_delay_holds_for_parts_with_a_pace_of_their_own(httpserver, base, make_client):
    serve(httpserver, "/robots.txt", Response("User-agent: *\nCrawl-delay: 0.2"))
    serve(httpserver, "/cdx/a", Response("."))
    serve(httpserver, "/web/a", Response("."))
    client = make_client(paces={f"{base}/cdx/": 0.01})
    client.obey_robots(f"{base}/web/")
    started = time.monotonic()
    for path in ("web", "cdx", "web"):
        client.get(f"{base}/{path}/a", bytes)
        client.get(f"{base}/{path}/a", bytes, ask_again=True)
    assert time.monotonic() - started >= 0.75


@pytest.mark.parametrize("status", [404, 403])
def test_no_robots_txt_allows_all(httpserver, base, client, status):
    serve(httpserver, "/robots.txt", Response("", status))
    client.obey_robots(f"{base}/web/")


def test_a_robots_txt_that_cannot_be_read_forbids_all(httpserver, base, client):
    serve(httpserver, "/robots.txt", Response("", 500))
    with pytest.raises(FetchError, match=r"robots.txt cannot be read \(HTTP 500, 5 times\)"):
        client.obey_robots(f"{base}/web/")


def test_only_http(tmp_path):
    with Client({"localhost"}, 0.001, tmp_path / "a.sqlite") as client, pytest.raises(FetchError):
        client.get("file:///etc/hostname", bytes)
