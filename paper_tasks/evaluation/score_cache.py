"""Scores that take minutes to compute, stored until something that they depend on changes."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from paper_tasks.errors import InputError
from paper_tasks.io.atomic import write_folder
from paper_tasks.io.locks import Busy

Arrays = dict[str, np.ndarray]


class ScoreCache:
    """A folder with a folder of .npy files for each system, its settings, and the papers.

    inputs: a checksum of the papers. Without a `folder`, scores are kept in memory only.
    """

    def __init__(self, folder: Path | None, inputs: str) -> None:
        self.inputs, self._folder = inputs, folder
        self._in_memory: dict[str, Arrays] = {}

    def arrays(self, system: str, settings: str, compute: Callable[[], Arrays]) -> Arrays:
        """What `compute` returned for the same inputs, system and settings; computes it if it is not stored.

        Raises InputError for a folder that cannot be written.
        """
        key = hashlib.sha256("\n".join((self.inputs, system, settings)).encode()).hexdigest()
        if key not in self._in_memory:
            entry = self._folder and self._folder / f"{system}-{key[:16]}"
            self._in_memory[key] = (entry and _read(entry)) or _write(entry, compute())
        return self._in_memory[key]


def label_checksum(truth: np.ndarray) -> str:
    """A checksum of the labels that a system learned from: 0 and 1, (papers, labels)."""
    return hashlib.sha256(repr(truth.shape).encode() + np.packbits(truth.astype(bool)).tobytes()).hexdigest()


def _read(entry: Path) -> Arrays | None:
    try:
        return {path.stem: np.load(path, allow_pickle=False) for path in sorted(entry.glob("*.npy"))}
    except (OSError, ValueError):  # damaged files are computed again
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
