"""Starts the two programs as people do, for the tests that ask them over HTTP."""

import subprocess
from pathlib import Path
from typing import IO

from paper_tasks.export import local_server
from paper_tasks.export.local_server import free_port, wait_until_up
from tests import ROOT

__all__ = ["APP", "WEB", "free_port", "start", "wait_until_up"]

APP, WEB = ("-m", "deployment.app"), ("-m", "deployment.web")


def start(
    *arguments: object,
    folder: Path = ROOT,
    command: tuple[str, ...] = APP,
    stderr: int | IO[str] = subprocess.PIPE,
    **environment: str,
) -> subprocess.Popen[str]:
    """A program of ours, with its output in pipes."""
    return local_server.start(
        [*command, *map(str, arguments)], folder, stdout=subprocess.PIPE, stderr=stderr, **environment
    )
