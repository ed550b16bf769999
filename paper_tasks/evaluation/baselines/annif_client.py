"""Annif's command line, called from Python.

Annif lives in an environment of its own (`make annif`), because its requirements and ours conflict. The benchmark runs
this module in that environment too: it imports nothing but numpy and `paper_tasks.errors` and `paths`.
"""

import csv
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from paper_tasks.errors import InputError
from paper_tasks.paths import CHECKOUT

PROGRAM = CHECKOUT / ".venv-annif" / "bin" / "annif"
HOW_TO_INSTALL = "Annif is not measured: it is not installed. `make annif` installs it into .venv-annif."
# How many suggestions Annif gives for a paper.
LIMIT = 50
# The kind of tree that Annif's own documentation prefers: three flat levels (Bonsai; Khandagale et al., 2020).
PROJECT = f"""\
[tasks]
name=Tasks
language=en
backend=omikuji
analyzer=snowball(english)
vocab=tasks
limit={LIMIT}
min_df=2
ngram=2
cluster_balanced=False
cluster_k=100
max_depth=3
"""
BEST = re.compile(r"Best\s+F1 score \(doc avg\):.*Limit:\s*(\d+)\s+Threshold:\s*([\d.]+)")
# Annif loads NLTK's sentence splitter, which Omikuji does not use. Empty files keep it from the network.
PUNKT = ("collocations.tab", "sent_starters.txt", "abbrev_types.txt", "ortho_context.tab")


def environment(folder: Path) -> dict[str, str]:
    """The environment variables with which Annif finds its project in `folder`, and downloads nothing."""
    return {
        "ANNIF_PROJECTS": str(folder / "projects.cfg"),
        "ANNIF_DATADIR": str(folder / "data"),
        "NLTK_DATA": str(folder / "nltk"),
        "HF_HUB_OFFLINE": "1",
        # One thread of numpy's for each of Annif's.
        "OMP_NUM_THREADS": "1",
    }


class Annif:
    """A project in a temporary folder, which the end of the `with` statement removes.

    Raises InputError, with the last line that Annif printed, when Annif fails.
    """

    def __init__(self, labels: Sequence[str], program: Path = PROGRAM) -> None:
        self._labels, self._program = labels, program.absolute()

    def __enter__(self) -> Self:
        self._scratch = tempfile.TemporaryDirectory()
        self._folder = Path(self._scratch.name)
        punkt = self._folder / "nltk" / "tokenizers" / "punkt_tab" / "english"
        punkt.mkdir(parents=True)
        for name in PUNKT:
            (punkt / name).touch()
        (self._folder / "projects.cfg").write_text(PROJECT, encoding="utf-8")
        with (self._folder / "tasks.csv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("uri", "label_en"))
            rows.writerows((_uri(index), label) for index, label in enumerate(self._labels))
        self._run("load-vocab", "tasks", "tasks.csv")
        return self

    def __exit__(self, *_: object) -> None:
        self._scratch.cleanup()

    def train(self, texts: Sequence[str], truth: np.ndarray) -> None:
        """Learns from texts and their labels: 0 and 1, (texts, labels)."""
        self._write("train.tsv", texts, truth)
        self._run("train", "tasks", "train.tsv")

    def optimize(self, texts: Sequence[str], truth: np.ndarray) -> tuple[int, float]:
        """The limit on tags per paper and the lowest score of a tag, from Annif's own search for the highest F1."""
        self._write("dev.tsv", texts, truth)
        found = BEST.search(self._run("optimize", "tasks", "dev.tsv"))
        if not found:
            raise InputError("Annif's `optimize` printed no best limit; install the version that `make annif` names.")
        return int(found[1]), float(found[2])

    def scores(self, texts: Sequence[str]) -> np.ndarray:
        """float32 (texts, labels), from 0 to 1; minus infinity for what is not among the 50 first suggestions."""
        self._write("papers.tsv", texts, np.zeros((len(texts), 0)))
        options = ("--limit", str(LIMIT), "--output", "papers.jsonl", "--force", "--no-include-doc")
        self._run("index", "tasks", "papers.tsv", *options)
        scores = np.full((len(texts), len(self._labels)), -np.inf, dtype=np.float32)
        with (self._folder / "papers.jsonl").open(encoding="utf-8") as lines:
            results = [json.loads(line)["results"] for line in lines]
        if len(results) != len(texts):
            raise InputError(
                f"Annif returned {len(results)} results for {len(texts)} papers; "
                "install the version that `make annif` names."
            )
        for row, suggestions in enumerate(results):
            for suggestion in suggestions:
                scores[row, int(suggestion["uri"].rpartition(":")[2])] = suggestion["score"]
        return scores

    def keep(self, folder: Path) -> None:
        """Copies the trained project, without the texts it learned from, to a folder."""
        shutil.copytree(self._folder, folder, ignore=shutil.ignore_patterns("*.tsv", "*.jsonl"), dirs_exist_ok=True)

    def _write(self, name: str, texts: Sequence[str], truth: np.ndarray) -> None:
        with (self._folder / name).open("w", encoding="utf-8") as file:
            for text, row in zip(texts, truth, strict=True):
                uris = " ".join(f"<{_uri(index)}>" for index in np.flatnonzero(row).tolist())
                file.write(f"{' '.join(text.split())}\t{uris}\n")

    def _run(self, *arguments: str) -> str:
        run = subprocess.run(
            [self._program, *arguments],
            cwd=self._folder,
            env=os.environ | environment(self._folder),
            capture_output=True,
            text=True,
        )
        if run.returncode:
            lines = run.stderr.strip().splitlines() or ["it printed nothing"]
            raise InputError(f"Annif's `{arguments[0]}` failed: {lines[-1].strip()}")
        return run.stdout


def _uri(index: int) -> str:
    return f"urn:task:{index}"
