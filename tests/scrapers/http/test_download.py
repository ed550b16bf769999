import multiprocessing
import os
import resource

import pytest
from werkzeug import Response

from paper_tasks.errors import InputError
from scrapers.http import download as module
from scrapers.http.download import download

CONTENT = os.urandom(1_000_000)


class FileServer:
    """Serves CONTENT with ranges; `breaks` are how many bytes it sends of each answer before it hangs up."""

    def __init__(self, breaks=(), etag='"v1"', content=CONTENT, ranges=True):
        self.breaks, self.etag, self.content, self.ranges = list(breaks), etag, content, ranges
        self.asked, self.sent = [], 0

    def __call__(self, request):
        self.asked.append(request.headers.get("Range"))
        start = 0
        if self.ranges and self.asked[-1] and request.headers.get("If-Range") == self.etag:
            start = int(self.asked[-1].removeprefix("bytes=").removesuffix("-"))
        if start >= len(self.content):
            return Response(b"", 416, {"Content-Range": f"bytes */{len(self.content)}"})
        body = self.content[start:]
        sent = body[: self.breaks.pop(0)] if self.breaks else body
        self.sent += len(sent)
        response = Response(sent, 206 if start else 200)
        response.headers["Content-Length"] = str(len(body))
        if self.etag:
            response.headers["ETag"] = self.etag
        if start:
            response.headers["Content-Range"] = f"bytes {start}-{len(self.content) - 1}/{len(self.content)}"
        return response


@pytest.fixture
def fetch(httpserver, base, tmp_path, slept):
    def run(server):
        httpserver.clear()
        httpserver.expect_request("/file").respond_with_handler(server)
        host = base.removeprefix("http://")
        path = download(f"{base}/file", tmp_path / "dump" / "file", {host}, sleep=slept.append)
        assert path.read_bytes() == server.content
        assert list(path.parent.iterdir()) == [path]

    return run


def test_once(fetch):
    server = FileServer()
    for _ in range(2):
        fetch(server)
    assert server.asked == [None]


def test_goes_on_where_it_broke_off(fetch, slept):
    server = FileServer(breaks=[4 << 16, 0, 2 << 16])
    fetch(server)
    assert server.asked == [None, f"bytes={4 << 16}-", f"bytes={4 << 16}-", f"bytes={6 << 16}-"]
    assert server.sent == len(CONTENT) and len(slept) == 3


def test_goes_on_after_a_kill(fetch, tmp_path):
    (tmp_path / "dump").mkdir()
    (tmp_path / "dump" / "file.partial").write_bytes(CONTENT[:123_456])
    (tmp_path / "dump" / "file.etag").write_text('"v1"')
    server = FileServer()
    fetch(server)
    assert server.asked == ["bytes=123456-"] and server.sent == len(CONTENT) - 123_456


def test_killed_between_the_last_byte_and_the_end(fetch, tmp_path):
    (tmp_path / "dump").mkdir()
    (tmp_path / "dump" / "file.partial").write_bytes(CONTENT)
    (tmp_path / "dump" / "file.etag").write_text('"v1"')
    server = FileServer()
    fetch(server)
    assert server.sent == 0


@pytest.mark.parametrize("etag", ['"v2"', None, 'W/"v1"'])
def test_parts_of_two_versions_are_not_joined(fetch, tmp_path, etag):
    (tmp_path / "dump").mkdir()
    (tmp_path / "dump" / "file.partial").write_bytes(b"of another version")
    (tmp_path / "dump" / "file.etag").write_text('"v1"' if etag == '"v2"' else "")
    fetch(FileServer(etag=etag, breaks=[500_000]))


def test_a_server_without_ranges(fetch):
    fetch(FileServer(breaks=[500_000], ranges=False))


def test_a_longer_part_than_the_file_is_thrown_away(fetch, tmp_path):
    (tmp_path / "dump").mkdir()
    (tmp_path / "dump" / "file.partial").write_bytes(CONTENT + b"too much")
    (tmp_path / "dump" / "file.etag").write_text('"v1"')
    fetch(FileServer())


def test_gives_up_when_nothing_comes(fetch, slept):
    server = FileServer(breaks=[1 << 16] + [0] * 20)
    with pytest.raises(InputError, match=r"cannot be fetched .*; the same command goes on"):
        fetch(server)
    assert len(server.asked) == 6


@pytest.mark.parametrize("status, attempts", [(404, 1), (403, 1), (429, 5), (503, 5)])
def test_a_status_is_reported(fetch, slept, status, attempts):
    asked = []

    def serve(request):
        asked.append(request)
        return Response("no", status)

    with pytest.raises(InputError, match=rf"cannot be fetched \(HTTP {status}\)"):
        fetch(serve)
    assert len(asked) == attempts and all(seconds >= 60 for seconds in slept if status == 429)


def test_a_server_that_wants_a_long_rest_is_not_waited_for(fetch, slept):
    with pytest.raises(InputError, match=r"cannot be fetched now \(HTTP 503, come back in 60 minutes\); the same"):
        fetch(lambda request: Response("", 503, {"Retry-After": "3600"}))
    assert slept == []


def test_a_redirect_elsewhere_is_refused(fetch):
    with pytest.raises(InputError, match=r"leads to http://127\.0\.0\.1:9, which is not a host of this source"):
        fetch(lambda request: Response("", 302, {"Location": "http://127.0.0.1:9/file"}))


def test_a_redirect_to_no_address_is_refused(raw_server, tmp_path):
    host = raw_server(b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n")
    with pytest.raises(InputError, match="cannot be fetched: Invalid IPv6 URL"):
        download(f"http://{host}/file", tmp_path / "file", {host})


def test_a_length_that_is_not_a_number(raw_server, tmp_path):
    host = raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nwhole")
    assert download(f"http://{host}/file", tmp_path / "file", {host}).read_bytes() == b"whole"


def _download_to_full_disk(base, path):
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
    with pytest.raises(InputError, match=r"file\.partial cannot be written \(File too large\)"):
        download(f"{base}/file", path, {base.removeprefix("http://")})


def test_a_full_disk_keeps_what_came(fetch, httpserver, base, tmp_path):
    """RLIMIT_FSIZE stands for the full disk."""
    server = FileServer()
    httpserver.expect_request("/file").respond_with_handler(server)
    (tmp_path / "dump").mkdir()
    process = multiprocessing.get_context("fork").Process(
        target=_download_to_full_disk, args=(base, tmp_path / "dump" / "file")
    )
    process.start()
    process.join(30)
    assert process.exitcode == 0
    server.asked.clear()
    fetch(server)
    assert server.asked == ["bytes=300000-"]


def test_an_oversized_file_is_refused(fetch, monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 999_999)
    server = FileServer()
    with pytest.raises(InputError, match="it has more than"):
        fetch(server)
    with pytest.raises(InputError, match="it has more than"):
        fetch(lambda request: Response(CONTENT[at : at + 1000] for at in range(0, len(CONTENT), 1000)))


def test_a_compressed_file_is_refused(fetch):
    with pytest.raises(InputError, match="compressed"):
        fetch(lambda request: Response(b"x", headers={"Content-Encoding": "gzip"}))


def test_another_part_than_asked_for_is_refused(fetch, tmp_path):
    (tmp_path / "dump").mkdir()
    (tmp_path / "dump" / "file.partial").write_bytes(CONTENT[:10])
    (tmp_path / "dump" / "file.etag").write_text('"v1"')
    with pytest.raises(InputError, match=r"sends other bytes \(bytes 5-9/10\) than those from 10 on"):
        fetch(lambda request: Response(b"x", 206, {"Content-Range": "bytes 5-9/10"}))
