import contextlib
import multiprocessing
import os
import re
import resource
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from werkzeug import Response

from paper_tasks.errors import InputError
from scrapers.http.cache import AnswerCache
from scrapers.http.client import Client
from scrapers.http.transport import FetchError


def test_a_file_that_is_not_a_cache_is_refused(tmp_path):
    path = tmp_path / "cache.sqlite"
    path.write_bytes(b"something else entirely, " * 100)
    with pytest.raises(InputError, match=r"cache.sqlite cannot be used \(file is not a database\)"):
        AnswerCache(path)


def test_a_folder_is_refused(tmp_path):
    (tmp_path / "cache.sqlite").mkdir()
    with pytest.raises(InputError, match="cannot be used"):
        AnswerCache(tmp_path / "cache.sqlite")


def test_a_file_that_must_not_be_written_is_reported(tmp_path):
    path = tmp_path / "cache.sqlite"
    AnswerCache(path).close()
    # Root may write any file; SQLite keeps to this pragma all the same.
    cache = AnswerCache(path)
    with cache.responses.connection() as connection:
        connection.execute("PRAGMA query_only = ON")
    with pytest.raises(InputError, match="readonly"):
        cache.responses["key"] = "value"
    cache.close()


def test_a_damaged_cache_is_reported(tmp_path, httpserver, base, make_client):
    httpserver.expect_request("/a").respond_with_data("x" * 100_000)
    client = make_client()
    client.get(f"{base}/a", bytes)
    client.__exit__()
    path = tmp_path / "cache" / "test.sqlite"
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(InputError, match="malformed"):
        make_client().get(f"{base}/a", bytes)


def test_a_damaged_answer_is_reported(tmp_path, httpserver, base, make_client):
    httpserver.expect_request("/a").respond_with_data("x")
    make_client().get(f"{base}/a", bytes)
    with sqlite3.connect(tmp_path / "cache" / "test.sqlite") as connection:
        connection.execute("UPDATE responses SET value = X'00'")
    with pytest.raises(InputError, match="holds an answer that cannot be read"):
        make_client().get(f"{base}/a", bytes)


def test_no_pickle(tmp_path, httpserver, base, make_client):
    """A cache from somebody else runs no code."""
    httpserver.expect_request("/a").respond_with_data("x")
    make_client().get(f"{base}/a", bytes)
    with sqlite3.connect(tmp_path / "cache" / "test.sqlite") as connection:
        ((value,),) = connection.execute("SELECT value FROM responses")
    assert value.startswith(b"\x1f\x8b")


@pytest.mark.parametrize("path", ["/page", "/leads-to-page", "/gone"])
def test_forget_is_for_what_was_there_before(httpserver, base, client, path):
    httpserver.expect_request("/page").respond_with_data("a")
    httpserver.expect_request("/leads-to-page").respond_with_data("", 302, {"Location": "/page"})
    httpserver.expect_request("/gone").respond_with_data("", 404)

    def get():
        with contextlib.suppress(FetchError):
            client.get(f"{base}{path}", bytes)
        return len(httpserver.log)

    requests = get()
    client.cache.forget(f"{base}{path}", datetime.now(UTC) - timedelta(hours=1))
    assert get() == requests
    client.cache.forget(f"{base}{path}", datetime.now(UTC) + timedelta(hours=1))
    for url in (f"{base}/never-asked", "no address", "http://[::1", ""):
        client.cache.forget(url, datetime.now(UTC))
    assert get() == 2 * requests


def test_forget_listings_is_for_what_is_good_for_a_time_only(httpserver, base, make_client):
    httpserver.expect_request(re.compile(".*")).respond_with_data("a")
    client = make_client(keeps={"*/cdx/*": timedelta(days=30)})
    urls = [f"{base}/cdx/a", f"{base}/cdx/b", f"{base}/robots.txt", f"{base}/web/cdx-page", f"{base}/web/page"]
    hour = timedelta(hours=1)
    for since, fetched in ((-hour, 5), (-hour, 5), (hour, 7)):
        client.cache.forget_listings("/cdx/", datetime.now(UTC) + since)
        for url in urls:
            client.get(url, bytes)
        assert client.fetched == fetched


def fill(cache, base):
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
    error = pytest.raises(InputError, match="cannot be used")
    with Client({base.removeprefix("http://")}, 0.001, cache) as client, error:
        for number in range(100):
            client.get(f"{base}/a?{number}", bytes)


def test_a_full_disk_ends_the_run_and_loses_nothing(httpserver, base, tmp_path):
    """RLIMIT_FSIZE stands for the full disk: no file may grow beyond 300 kB."""
    served = []

    def handle(request):
        served.append(request.full_path)
        return Response(os.urandom(10_000))

    httpserver.expect_request("/a").respond_with_handler(handle)
    cache = tmp_path / "cache.sqlite"
    process = multiprocessing.get_context("fork").Process(target=fill, args=(cache, base))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    stored = len(served) - 1
    assert 10 <= stored < 99
    with Client({base.removeprefix("http://")}, 0.001, cache) as client:
        for number in range(100):
            client.get(f"{base}/a?{number}", bytes)
        assert client.from_cache == stored and len(served) == 101
