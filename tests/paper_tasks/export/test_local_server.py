import signal
import subprocess

import pytest

from paper_tasks.errors import InputError
from paper_tasks.export.local_server import HOST, free_port, start, stop, wait_until_up


def test_a_program_is_started_and_waited_for(tmp_path):
    (tmp_path / "page.html").write_text("A page.", encoding="utf-8")
    port = free_port()
    process = start(["-m", "http.server", str(port), "--bind", HOST], tmp_path, stderr=subprocess.DEVNULL)
    try:
        wait_until_up(process, f"http://{HOST}:{port}/page.html")
        with pytest.raises(InputError, match=r"did not answer at .* within 0\.1 seconds"):
            wait_until_up(process, f"http://{HOST}:{port}/absent.html", seconds=0.1)
    finally:
        stop(process)
    assert process.returncode is not None


def test_a_program_that_does_not_end_is_killed(tmp_path):
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    process = start(["-c", code], tmp_path, stdout=subprocess.PIPE)
    process.stdout.readline()
    stop(process, seconds=0.1)
    assert process.returncode == -signal.SIGKILL


def test_a_program_that_ends_is_not_waited_for(tmp_path):
    process = start(["-c", "import os; raise SystemExit(int(os.environ['CODE']))"], tmp_path, CODE="3")
    with pytest.raises(InputError, match="ended with code 3 and never answered"):
        wait_until_up(process, f"http://{HOST}:{free_port()}/")
