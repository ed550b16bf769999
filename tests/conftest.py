"""Fixtures and reports that all tests share."""

import os
import re
import signal
import subprocess

# Two test processes on two cores would slow each other down by waiting actively. Read before PyTorch is imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from playwright.sync_api import sync_playwright

from paper_tasks.tagger.classifier import TaskClassifier
from tools.chromium import CHROMIUM

# A shell that runs the suite in the background ignores Ctrl-C, and so would the programs that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A test that takes longer belongs to `make test-slow`.
SLOW_SECONDS = 2


@pytest.fixture(scope="session")
def classifier():
    """The bundled model, loaded once for all tests; a test that patches it uses monkeypatch."""
    return TaskClassifier.load()


@pytest.fixture
def run_main(monkeypatch, capfd):
    """Runs a program's `main` with these arguments in this process; returns exit code and output."""

    def run(main, *arguments):
        monkeypatch.setattr("sys.argv", ["program", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        return subprocess.CompletedProcess(arguments, end.value.code or 0, *capfd.readouterr())

    return run


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """One headless Chromium for all tests; gives the address that it is controlled at."""
    folder = tmp_path_factory.mktemp("chromium")
    options = ["--headless", "--no-sandbox", "--no-first-run", "--remote-debugging-port=0", f"--user-data-dir={folder}"]
    with subprocess.Popen([CHROMIUM, *options], stderr=subprocess.PIPE, text=True) as process:
        yield next(found[0] for line in process.stderr if (found := re.search(r"ws://\S+", line)))
        process.terminate()


@pytest.fixture(scope="module")
def browser(chromium):
    """A connection to Chromium. Playwright's event loop would disturb other modules, so each module has its own."""
    with sync_playwright() as playwright:
        yield playwright.chromium.connect_over_cdp(chromium)


def pytest_collection_modifyitems(items):
    """Slow tests of one module run in one worker, for they share a server, a cluster or a training."""
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("xdist_group"):
            shared = next((name for name in ("browser", "ray") if item.get_closest_marker(name)), item.path.stem)
            item.add_marker(pytest.mark.xdist_group(shared))


def pytest_terminal_summary(terminalreporter):
    """Names the tests that are too slow for the fast tests; machines differ, so they do not fail."""
    reports = (report for reports in terminalreporter.stats.values() for report in reports)
    slow = [
        (report.duration, f"{report.when:8} {report.nodeid}")
        for report in reports
        if isinstance(report, pytest.TestReport) and report.duration > SLOW_SECONDS and "slow" not in report.keywords
    ]
    if slow:
        terminalreporter.section(f"over {SLOW_SECONDS} s and not marked slow")
        for seconds, name in sorted(slow, reverse=True):
            terminalreporter.write_line(f"{seconds:6.1f} s {name}")
