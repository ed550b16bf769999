"""Scores that take minutes to compute, kept on disk until something that they depend on changes."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from paper_tasks.data.prepared_folder import SPLITS, has_unlabelled
from paper_tasks.errors import InputError
from paper_tasks.io.atomic import write_folder
from paper_tasks.io.locks import Busy
from paper_tasks.tagger.model_folder import file_checksum

Arrays = dict[str, np.ndarray]


class ScoreCache:
    """A folder of .npy files, one folder inside for each system and all that its scores depend on.

    inputs: names the papers. Without a `folder`, scores are kept in memory alone.
    """

    def __init__(self, folder: Path | None, inputs: str) -> None:
        self.inputs, self._folder = inputs, folder
        self._in_memory: dict[str, Arrays] = {}

    def arrays(self, system: str, settings: str, compute: Callable[[], Arrays]) -> Arrays:
        """What `compute` returns, or returned when the inputs, the system and its settings were the same."""
        key = hashlib.sha256("\n".join((self.inputs, system, settings)).encode()).hexdigest()
        if key not in self._in_memory:
            entry = self._folder and self._folder / f"{system}-{key[:16]}"
            self._in_memory[key] = (entry and _read(entry)) or _write(entry, compute())
        return self._in_memory[key]


def fingerprint(prepared_dir: Path, split: str, rows: int | None) -> str:
    """Tells prepared papers from all others: a checksum of the files that systems learn from or are measured on, and
    which papers of them are measured.

    Raises InputError if a file is missing.
    """
    parts = [split, str(rows)]
    unlabelled = ["unlabelled.csv"] if has_unlabelled(prepared_dir) else []
    for name in ("labels.json", *(f"{name}.csv" for name in SPLITS), *unlabelled):
        path = prepared_dir / name
        if not path.is_file():
            raise InputError(f"{path} is missing: make it with python -m paper_tasks prepare.")
        parts.append(file_checksum(path))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def label_checksum(truth: np.ndarray) -> str:
    """Tells what a system learned from others: a checksum of labels, 0 and 1, (papers, labels)."""
    return hashlib.sha256(repr(truth.shape).encode() + np.packbits(truth.astype(bool)).tobytes()).hexdigest()


def _read(entry: Path) -> Arrays | None:
    try:
        return {path.stem: np.load(path, allow_pickle=False) for path in sorted(entry.glob("*.npy"))}
    except (OSError, ValueError):  # a damaged file: as good as none
        return None


def _write(entry: Path | None, arrays: Arrays) -> Arrays:
    if entry is None:
        return arrays
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        # Another evaluation that computed the same scores may write them.
        with suppress(Busy), write_folder(entry) as partial:
            for name, array in arrays.items():
                np.save(partial / f"{name}.npy", array, allow_pickle=False)
    except OSError as error:
        raise InputError(
            f"{entry.parent} cannot be written ({error.strerror}): name another folder, --cache."
        ) from error
    return arrays
