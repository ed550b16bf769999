"""Fixtures and reports that all tests share."""

import os
import re
import signal
import subprocess
from threading import Thread

# Two test processes on two cores would slow each other down by waiting actively. Read before PyTorch is imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from playwright.sync_api import sync_playwright
from pytest_httpserver import HTTPServer

from paper_tasks.export.local_server import free_port
from paper_tasks.tagger.classifier import TaskClassifier
from tools.chromium import CHROMIUM

# A shell that runs the suite in the background ignores Ctrl-C, and so would the programs that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A test that takes longer belongs to `make test-slow`.
SLOW_SECONDS = 2
# Fixtures that train a model for some seconds.
TRAININGS = {"trained", "trained_original", "pretrained", "watched"}
ARXIV_FEED = """<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>http://arxiv.org/abs/2401.01234v1</id>
<title>Second glances</title><summary>We find pedestrians at night.</summary></entry></feed>"""


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
def app_url(classifier, tmp_path_factory):
    """The address of one Gradio app for all tests, in this process; the arXiv that it asks has one paper."""
    from deployment.common.arxiv import Arxiv
    from deployment.gradio_app.server import serve

    port = free_port()
    with HTTPServer() as arxiv, pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("uploads")))
        query = {"id_list": "2401.01234", "max_results": "1"}
        arxiv.expect_request("/query", query_string=query).respond_with_data(ARXIV_FEED)
        blocks = serve(classifier, "127.0.0.1", port, arxiv=Arxiv(arxiv.url_for("/query"), pace=0))
        yield f"http://127.0.0.1:{port}"
        blocks.close(verbose=False)


@pytest.fixture(scope="session")
def page_url(classifier):
    """The address of one Flask page for all tests, in this process."""
    from deployment.flask_app.server import create_server
    from deployment.flask_app.views import create_app

    server = create_server(create_app(classifier, seconds=600), "127.0.0.1", 0)
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()


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
    """Marks tests on a trained model as slow. Modules with slow tests go first, to end no later than the others."""
    for item in items:
        if TRAININGS.intersection(item.fixturenames):
            item.add_marker("slow")
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


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
