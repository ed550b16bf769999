"""A client that does not sleep, the command line, Papers with Code in small, and faults that servers have."""

import socketserver
import sqlite3
import threading
from functools import partial

import pytest

from paper_tasks.data.options import PrepareOptions
from paper_tasks.data.prepare import prepare
from scrapers.cli import main
from scrapers.http.client import Client
from tests.scrapers.site import ANY, WaybackMachine, category_page, method_page, paper_page, topic


@pytest.fixture(autouse=True, scope="module")
def no_waiting_for_the_disk():
    """Hundreds of small files and commits would each wait for it; no test here cuts the power."""
    connect = sqlite3.connect

    def connect_without_waiting(*arguments, **options):
        connection = connect(*arguments, **options)
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda file: None)
        patch.setattr("sqlite3.connect", connect_without_waiting)
        yield


@pytest.fixture
def base(httpserver):
    return httpserver.url_for("").rstrip("/")


@pytest.fixture
def slept():
    return []


@pytest.fixture
def make_client(httpserver, tmp_path, slept):
    """Makes clients of one cache for the loopback server."""
    clients = []

    def make(**options):
        options = {"hosts": {f"{httpserver.host}:{httpserver.port}"}, "pace": 0.001, "sleep": slept.append} | options
        clients.append(Client(cache=tmp_path / "cache" / "test.sqlite", **options))
        return clients[-1]

    yield make
    for client in clients:
        client.__exit__()


@pytest.fixture
def client(make_client):
    return make_client()


@pytest.fixture
def scrapers(run_main):
    """Runs the command line with these arguments, in this process; returns exit code and output."""
    return partial(run_main, main)


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
    assert report.papers_train > 20 and report.papers_test > 0
    return report


@pytest.fixture
def raw_server():
    """A server that answers with the given bytes, in turn, whatever is asked, and hangs up; returns its address."""
    servers = []

    def serve(*answers):
        left = list(answers)

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                self.request.recv(65536)
                self.request.sendall(left.pop(0))

        servers.append(socketserver.TCPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return f"127.0.0.1:{servers[-1].server_address[1]}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()
