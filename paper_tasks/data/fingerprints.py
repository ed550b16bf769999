"""Checksums of papers and of prepared folders, and the papers that were held out before."""

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd

from paper_tasks.data.prepared_folder import (
    HELD_OUT_FILE,
    LABELS,
    SPLITS,
    UNLABELLED,
    has_unlabelled,
    held_out_sets,
    prepared_file,
)
from paper_tasks.paths import JSON_FILES
from paper_tasks.tagger.model_folder import file_checksum

# The papers that the project's own figures were measured on. Their labels may be corrected; the papers stay held out,
# so that no model of before has seen them.
HELD_OUT = JSON_FILES / HELD_OUT_FILE


def paper_fingerprints(papers: pd.DataFrame) -> np.ndarray:
    """(papers,): a short hash of each paper's title, or of its abstract if it has no title."""
    texts = map(letters, papers["title"].where(papers["title"] != "", papers["abstract"]))
    return np.array([hashlib.sha1(text.encode()).hexdigest()[:10] for text in texts])


def letters(text: str) -> str:
    """The letters and digits of a text, without case: equal for two spellings of one title."""
    return re.sub(r"[\W_]+", "", text).casefold()


def known_held_out() -> dict[str, int]:
    """The fingerprints of the papers in `HELD_OUT`, each with the index of its split in SPLITS."""
    held_out: dict[str, list[str]] = json.loads(HELD_OUT.read_text(encoding="utf-8"))
    return {fingerprint: SPLITS.index(name) for name, found in held_out.items() for fingerprint in found}


def held_out_checksum(prepared_dir: Path) -> str:
    """A checksum of which papers a prepared folder holds out. Raises InputError if `prepare` has not written it."""
    return file_checksum(prepared_file(prepared_dir, HELD_OUT.name))


def folder_checksum(prepared_dir: Path, split: str, rows: int | None) -> str:
    """A checksum of a prepared folder's files, and of which split and how many of its rows are measured.

    Raises InputError if a file is missing.
    """
    parts = [split, str(rows)]
    names = [*SPLITS, UNLABELLED] if has_unlabelled(prepared_dir) else [*SPLITS]
    names += [name for name in held_out_sets(prepared_dir, split).values() if name not in names]
    for name in (LABELS, *(f"{name}.csv" for name in names)):
        parts.append(file_checksum(prepared_file(prepared_dir, name)))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
