"""The folder of what people upload, and of what is made for them to download: of one process, and cleaned.

Gradio's own `delete_cache` knows of no upload that was broken off, or that is none of its page's.
"""

import os
import shutil
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

from deployment.common import request_log

_PREFIX = "paper-tasks-"
# Seconds: how often the folder is looked at, and how old something in it must be to be deleted.
CLEAN_EVERY, KEEP = 600, 3_000
# Twice, for a folder that a killed process left looks new until it is as old itself.
KEEP_HOURS = 2 * (CLEAN_EVERY + KEEP) // 3_600


def own_folder(parent: Path) -> TemporaryDirectory:
    """A folder for this process alone, from now on cleaned; it does not outlive it. Raises OSError."""
    parent.mkdir(parents=True, exist_ok=True)
    folder = TemporaryDirectory(prefix=_PREFIX, dir=parent)
    Thread(target=_keep_clean, args=[Path(folder.name)], daemon=True).start()
    return folder


def _keep_clean(folder: Path) -> None:
    while True:
        clean(folder)
        time.sleep(CLEAN_EVERY)


def clean(folder: Path) -> None:
    """Deletes what is old in a process's folder, and the folders beside it that no process has cleaned for as long."""
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
