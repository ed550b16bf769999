"""Starts a program that serves on loopback, waits until it answers, and ends it."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from paper_tasks.errors import InputError

HOST = "127.0.0.1"
# Seconds that a start and an end may take on a slow machine, and between two attempts to reach the program.
START, STOP, PAUSE = 180.0, 30.0, 0.2


def free_port() -> int:
    """A port of loopback that nobody listens at."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def start(
    arguments: Sequence[str],
    folder: Path,
    python: str = sys.executable,
    stdout: int | IO[str] = subprocess.DEVNULL,
    stderr: int | IO[str] | None = None,
    **environment: str,
) -> subprocess.Popen[str]:
    """Starts Python with these arguments in a folder; `environment` is added to that of this process."""
    command = [python, *arguments]
    return subprocess.Popen(command, cwd=folder, env=os.environ | environment, stdout=stdout, stderr=stderr, text=True)


def wait_until_up(process: subprocess.Popen[str], url: str, seconds: float = START) -> None:
    """Returns when the program answers at an address. Raises InputError if it ends before, or takes too long."""
    deadline = time.monotonic() + seconds
    while not _answers(url):
        if process.poll() is not None:
            raise InputError(f"The program ended with code {process.returncode} and never answered at {url}.")
        if time.monotonic() > deadline:
            raise InputError(f"The program did not answer at {url} within {seconds:g} seconds.")
        time.sleep(PAUSE)


def stop(process: subprocess.Popen[str], seconds: float = STOP) -> None:
    """Ends a program, by force if it does not end within some seconds."""
    process.terminate()
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
