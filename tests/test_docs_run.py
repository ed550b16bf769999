"""The examples of README and docs, run as they stand; each gives the output that its document shows."""

import io
import re
import shutil
import subprocess
from contextlib import redirect_stdout

import pandas as pd
import pytest
from typer.testing import CliRunner

from tests import ROOT, markdown
from tests.markdown import DOCUMENTS
from tests.test_docs import COMMANDS, PROGRAMS

SAMPLE = ROOT / "csv_files" / "sample_papers.csv"
NUMBER = re.compile(r"\d+\.\d+")
# What processors without VNNI may answer otherwise.
TOLERANCE = 0.05
# An address in the documents, and the fixture that gives one that answers now.
SERVERS = {"http://127.0.0.1:7860": "app_url", "http://127.0.0.1:8000": "page_url"}
# Seconds that the two calls of an example may take.
CURL_SECONDS = 120
# What needs neither network nor log-in nor hours; a cluster has tests of its own.
QUICK = re.compile(r"paper-tasks (tag (?!.*(--engine|\.\.\.))|match |prepare .*sample)|python -m scrapers merge ")
RUNNABLE = [command for command in COMMANDS if QUICK.match(" ".join(command.words))]
# Once each, and where the output is shown.
RUNNABLE = [*{command.words: command for command in sorted(RUNNABLE, key=lambda command: command.output)}.values()]
PYTHON = [block for document in DOCUMENTS for block in markdown.blocks(document, "python")]
REMOTE = [block for block in PYTHON if "http://" in block.text]
LOCAL = [block for block in PYTHON if block not in REMOTE]
CURL = [block for document in DOCUMENTS for block in markdown.blocks(document, "sh") if "curl http" in block.text]
CURL += [block for document in DOCUMENTS for block in markdown.blocks(document, "sh") if "ask http" in block.text]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the tables that the examples name; the sample and what is made of it."""
    (tmp_path / "csv_files").mkdir()
    for name in ("sample_papers.csv", "archive.csv", "wayback.csv"):
        shutil.copyfile(SAMPLE, tmp_path / "csv_files" / name)
    pd.read_csv(SAMPLE).drop(columns="tasks")[:20].to_csv(tmp_path / "papers.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(params=SERVERS)
def server(request):
    """The address in the documents, and the address where its program runs now."""
    return request.param, request.getfixturevalue(SERVERS[request.param])


def test_something_of_each_kind_is_run():
    assert {command.words[1] for command in RUNNABLE} >= {"tag", "prepare", "-m"}
    assert len(PYTHON) > len(REMOTE) > 0 and len(CURL) == 3


@pytest.mark.slow
@pytest.mark.parametrize("command", RUNNABLE, ids=str)
def test_commands(command, folder):
    program, *arguments = command.words
    if program == "python":
        _, program, *arguments = arguments
    done = CliRunner().invoke(PROGRAMS[program], arguments)
    assert done.exit_code == 0, done.output
    assert_same(done.stdout, command.output or done.stdout)


@pytest.mark.parametrize(
    "block", [block for block in PYTHON if block not in REMOTE], ids=lambda block: block.document.name
)
def test_python(block):
    assert_same(run_python(block.text), markdown.trailing_comment(block.text))


@pytest.mark.slow
def test_python_over_http(server):
    documented, url = server
    for block in REMOTE:
        if documented in block.text:
            assert_same(run_python(block.text.replace(documented, url)), markdown.trailing_comment(block.text))


@pytest.mark.slow
def test_curl(server):
    documented, url = server
    for block in CURL:
        if documented in block.text:
            shell = ["sh", "-ec", block.text.replace(documented, url)]
            done = subprocess.run(shell, capture_output=True, text=True, timeout=CURL_SECONDS, check=True)
            assert_same(done.stdout, markdown.trailing_comment(block.text))


def run_python(code):
    """What the code prints."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(code, "document", "exec"), {})
    return printed.getvalue()


def assert_same(real, shown):
    """The same text, whose decimal numbers may differ a little."""
    assert NUMBER.sub("#", real.strip()) == NUMBER.sub("#", shown.strip())
    for number, other in zip(NUMBER.findall(real), NUMBER.findall(shown), strict=True):
        assert float(number) == pytest.approx(float(other), abs=TOLERANCE)
