"""Runs that are killed with -9 at random moments and started again give what an undisturbed run gives."""

import random
import re
import signal
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from werkzeug import Response

from scrapers import cli
from scrapers.run import problems_path
from scrapers.schema import read_papers, read_problems
from scrapers.sources import archive
from tests.processes import Program
from tests.scrapers.site import WaybackMachine, method_page, paper_page
from tests.scrapers.sources.test_archive import record

KILLS = 20
PAPERS = [f"paper-{number}" for number in range(40)]


class Site(WaybackMachine):
    """Slow enough to be killed; some pages are missing or have another layout, some are busy at first."""

    def __init__(self):
        pages = {f"/paper/{name}": paper_page(title=f"“{name}”,\n ü", abstract=f"We study {name}.") for name in PAPERS}
        pages["/paper/paper-7"] = paper_page(tasks=None)
        pages["/paper/paper-8"] = "<html><body>Busy</body></html>"
        pages["/paper/paper-9"] = paper_page().encode("latin-1") + b"\xff"
        pages |= {"/method/resnet": method_page([*PAPERS, "absent"]), "/method/lstm": "<html></html>"}
        super().__init__(pages, rows_per_listing=1)
        for name in ("/paper/paper-3", "/paper/paper-30"):
            self.faults[name] = [lambda request: Response("", 429, {"Retry-After": "1"})]
        self.faults["/cdx/search/cdx"] = [lambda request: Response("<html>Busy</html>", 503, {"Retry-After": "1"})]

    def __call__(self, request):
        time.sleep(0.02)
        return super().__call__(request)


def command(base, folder):
    # Three methods are listed, with a resume key; their papers are looked up one by one.
    pages = [f"https://paperswithcode.com/method/{name}" for name in ("resnet", "lstm", "absent")]
    files = ["--output", folder / "papers.csv", "--cache", folder / "cache.sqlite"]
    return ["wayback", *pages, *files, "--base-url", base, "--pace", "0.001"]


def finish(command):
    program = Program(cli.main, *command)
    program.wait()
    return program


def kill(command, reached, chance):
    """Kills the command up to 50 ms after `reached()`; returns whether it was still running."""
    program = Program(cli.main, *command)
    while program.poll() is None and not reached():
        time.sleep(0.005)
    time.sleep(chance.uniform(0, 0.05))
    program.send_signal(signal.SIGKILL)
    return program.wait() == -signal.SIGKILL


def moment(machine, requests, chance):
    """A moment some requests from now, or, once all is fetched, some time in reading and writing it."""
    target = len(machine.served) + chance.randint(1, 7)
    if target < requests:
        return lambda: len(machine.served) >= target
    ends = time.monotonic() + chance.uniform(0, 0.5)
    return lambda: time.monotonic() > ends


@pytest.mark.slow
def test_a_crawl_killed_at_twenty_random_moments(httpserver, base, tmp_path):
    chance = random.Random(22)
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    machine = Site()
    httpserver.expect_request(re.compile(".*")).respond_with_handler(lambda request: machine(request))
    done = finish(command(base, undisturbed))
    assert done.poll() == 1 and "Traceback" not in done.stderr, done.stderr
    requests = len(machine.served)
    assert len(list(read_papers(undisturbed / "papers.csv"))) == 37
    assert {problem.reason.split(" (")[0] for problem in read_problems(undisturbed / "papers.problem_urls.csv")} == {
        *("no snapshot", "the page has no links to /paper/...", "the page has no tasks section"),
        *("the page has no abstract", "the page is not in UTF-8"),
    }

    machine = Site()
    kills = 0
    while kills < KILLS:
        kills += kill(command(base, killed), moment(machine, requests, chance), chance)
        if (killed / "papers.csv").exists():
            assert (killed / "papers.csv").read_bytes() == (undisturbed / "papers.csv").read_bytes()
    assert finish(command(base, killed)).poll() == 1
    for name in ("papers.csv", problems_path(killed / "papers.csv").name):
        assert (killed / name).read_bytes() == (undisturbed / name).read_bytes()
    # Only the answer that was on its way at a kill comes again.
    assert len(set(machine.served)) == requests
    assert len(machine.served) <= requests + KILLS

    served = len(machine.served)
    done = finish(command(base, killed))
    assert len(machine.served) == served and "0  answers fetched" in done.stdout


@pytest.mark.slow
def test_an_archive_killed_while_fetching_and_while_writing(httpserver, base, tmp_path):
    chance = random.Random(22)
    for number, name in enumerate(archive.SHARDS):
        records = [record(number * 1000 + at, abstract=f"{at} {chance.random()}" * 30) for at in range(1000)]
        pq.write_table(pa.Table.from_pylist(records), tmp_path / name, compression="none")
    sent = []

    def serve(request):
        content = (tmp_path / request.path.removeprefix("/")).read_bytes()
        start = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))

        def drip():
            for at in range(start, len(content), 1 << 16):
                time.sleep(0.01)
                sent.append(len(content[at : at + (1 << 16)]))
                yield content[at : at + (1 << 16)]

        headers = {"ETag": '"v1"', "Content-Length": str(len(content) - start)}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return Response(drip(), 206 if start else 200, headers)

    httpserver.expect_request(re.compile(".*")).respond_with_handler(serve)

    def command(folder):
        files = ["--output", folder / "papers.csv", "--folder", folder / "dump"]
        return ["archive", "--everything", *files, "--base-url", base]

    assert finish(command(tmp_path / "undisturbed")).poll() == 0
    whole = sum(sent)
    sent.clear()
    for _ in range(6):
        target = sum(sent) + chance.randint(1, whole // 5)
        started = time.monotonic()
        kill(
            command(tmp_path / "killed"),
            lambda target=target, started=started: sum(sent) > target or time.monotonic() - started > 3,
            chance,
        )
    assert finish(command(tmp_path / "killed")).poll() == 0
    assert (tmp_path / "killed" / "papers.csv").read_bytes() == (tmp_path / "undisturbed" / "papers.csv").read_bytes()
    # What was in a buffer or on its way at a kill comes again.
    assert sum(sent) < whole + 6 * (2 << 20)
