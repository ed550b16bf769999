"""The folder of uploads and of files to download: each process has its own, and cleans it.

Gradio's own `delete_cache` misses uploads that were broken off, and uploads that were not made through the page.
"""

import os
import shutil
import tempfile
import time
from pathlib import Path
from threading import Thread

from deployment.common import request_log

# Gradio reads it, too, and serves files from this folder alone.
VARIABLE = "GRADIO_TEMP_DIR"
_PREFIX = "paper-tasks-"
# Seconds: between two sweeps of the folder, and the age at which something in it is deleted.
SWEEP_EVERY, KEEP = 600, 3_000
# Twice as long: the folder of a killed process looks new at first, and is deleted when it is old itself.
KEEP_HOURS = 2 * (SWEEP_EVERY + KEEP) // 3_600


def upload_folder() -> Path:
    """Where Gradio keeps uploads."""
    return Path(os.environ.get(VARIABLE) or Path(tempfile.gettempdir(), "gradio").resolve())


def own_folder(parent: Path) -> tempfile.TemporaryDirectory[str]:
    """A folder for this process alone, swept from now on and deleted at its end. Raises OSError."""
    parent.mkdir(parents=True, exist_ok=True)
    folder = tempfile.TemporaryDirectory(prefix=_PREFIX, dir=parent)
    Thread(target=_keep_sweeping, args=[Path(folder.name)], daemon=True).start()
    return folder


def _keep_sweeping(folder: Path) -> None:
    while True:
        sweep(folder)
        time.sleep(SWEEP_EVERY)


def sweep(folder: Path) -> None:
    """Deletes what is old in a process's folder, and the folders beside it whose processes no longer sweep them."""
    try:
        os.utime(folder)
    except OSError as error:
        request_log.write_fault(error)
    for path in (*folder.glob("*"), *folder.parent.glob(f"{_PREFIX}*")):
        try:
            if not path.is_symlink() and time.time() - path.stat().st_mtime > KEEP:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        except FileNotFoundError:  # another process was faster, or Gradio
            pass
        except OSError as error:
            request_log.write_fault(error)
