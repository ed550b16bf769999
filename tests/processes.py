"""Programs in processes of their own, for tests that kill or interrupt them."""

import multiprocessing
import os
import sys
import tempfile
import threading
from pathlib import Path

from tqdm import tqdm

# A server imports the modules once and forks, so that a program starts in milliseconds.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [
        "paper_tasks.cli",
        "paper_tasks.tagging.tag_file",
        "pyarrow.parquet",
        "scrapers.cli",
        "scrapers.run",
        "scrapers.sources.archive",
        "scrapers.sources.wayback",
    ]
)


class Program:
    """A running `main`, a function of some module, with these arguments in sys.argv."""

    def __init__(self, main, *arguments):
        # Deleted with the program.
        self._output, self._errors = (tempfile.NamedTemporaryFile() for _ in range(2))  # noqa: SIM115
        names = self._output.name, self._errors.name
        self._process = CONTEXT.Process(target=_run, args=(main, [*map(str, arguments)], *names))
        self._process.start()

    def poll(self):
        """The exit code, negative if a signal killed the process; None while it runs."""
        return self._process.exitcode

    @property
    def stdout(self):
        return Path(self._output.name).read_text(encoding="utf-8")

    @property
    def stderr(self):
        return Path(self._errors.name).read_text(encoding="utf-8")

    def send_signal(self, number):
        os.kill(self._process.pid, number)

    def wait(self, timeout=120):
        """Returns the exit code. Raises TimeoutError if the process goes on after so many seconds."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            self._process.kill()
            raise TimeoutError(f"{self._process} did not end; it wrote: {self.stdout}\n{self.stderr}")
        return self._process.exitcode


def _run(main, arguments, output, errors):
    for path, descriptor in ((output, 1), (errors, 2)):
        os.dup2(os.open(path, os.O_WRONLY), descriptor)
    # By default a semaphore of the system, which a killed process would leave behind.
    tqdm.set_lock(threading.RLock())
    sys.argv = ["program", *arguments]
    main()
