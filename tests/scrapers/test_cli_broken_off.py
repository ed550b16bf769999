"""The commands as programs: ended by Ctrl-C, run twice at once, on a terminal."""

import contextlib
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time

import pytest

from scrapers import cli
from scrapers.schema import read_papers
from tests import ROOT
from tests.processes import Program
from tests.scrapers.site import ANY

pytestmark = pytest.mark.slow


def wait_until(condition, program):
    ends = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends and program.poll() is None, program.stderr
        time.sleep(0.01)


@pytest.fixture
def slow_machine(machine, httpserver):
    httpserver.clear()

    def answer(request):
        time.sleep(0.05)
        return machine(request)

    httpserver.expect_request(ANY).respond_with_handler(answer)
    return machine


def test_ctrl_c_and_on(scrapers, slow_machine, base, files, output, tmp_path):
    arguments = ["wayback", "--start", "papers", "--base-url", base, *files]
    program = Program(cli.main, *arguments)
    wait_until(lambda: len(slow_machine.served) > 10, program)
    program.send_signal(signal.SIGINT)
    assert program.wait() == 130 and program.stderr == "Interrupted; the same command goes on where it was.\n"
    assert not output.exists() and not list(tmp_path.glob("*.partial"))
    assert scrapers(*arguments).returncode == 0 and len(list(read_papers(output))) == 45
    assert len(slow_machine.served) <= len(set(slow_machine.served)) + 1


def test_two_runs_at_once(scrapers, slow_machine, base, files, output):
    """One connection to a source, and one writer of a file."""
    arguments = ["wayback", "--start", "papers", "--base-url", base, *files]
    program = Program(cli.main, *arguments)
    wait_until(lambda: len(slow_machine.served) > 3, program)
    second = scrapers(*arguments)
    assert second.returncode == 2 and "Another run has" in second.stderr
    assert program.wait() == 0
    assert len(list(read_papers(output))) == 45


def test_progress_with_rate_and_time_left(slow_machine, base, files):
    """On a terminal alone: elsewhere the bar would only be in the way."""
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (40, 120))
    command = [sys.executable, "-m", "scrapers", "wayback", "--start", "papers", "--base-url", base, *map(str, files)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=follower):
        os.close(follower)
        with open(leader, "rb", buffering=0) as terminal, contextlib.suppress(OSError):
            blocks = []
            while block := terminal.read(4096):
                blocks.append(block)
    shown = b"".join(blocks).decode()
    assert re.search(r"papers\.csv: +\d+%.* \d+/45 \[00:\d\d<00:\d\d, +[\d.]+ papers/s\]", shown), shown
