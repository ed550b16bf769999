"""Annif, the tool that libraries index with, and its Omikuji backend, called through its command line.

It lives in an environment of its own (`make annif`): its requirements and ours cannot be met together.
"""

import csv
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from paper_tasks.errors import InputError
from paper_tasks.paths import CHECKOUT

PROGRAM = CHECKOUT / ".venv-annif" / "bin" / "annif"
HOW_TO_GET = "Annif is not measured: it is not installed. `make annif` installs it into .venv-annif."
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
# NLTK's sentence splitter, which Annif asks for and Omikuji has no use for: without data it need not be fetched.
PUNKT = ("collocations.tab", "sent_starters.txt", "abbrev_types.txt", "ortho_context.tab")


class NotInstalled(Exception):
    """There is no Annif to ask; the message says how to get it."""


def environment(folder: Path) -> dict[str, str]:
    """What Annif must be told, by environment variables, to find its project in `folder`, and to fetch nothing."""
    return {
        "ANNIF_PROJECTS": str(folder / "projects.cfg"),
        "ANNIF_DATADIR": str(folder / "data"),
        "NLTK_DATA": str(folder / "nltk"),
        "HF_HUB_OFFLINE": "1",
        # One thread of numpy's for each of Annif's.
        "OMP_NUM_THREADS": "1",
    }


class Annif:
    """A project in a folder of its own, which goes with it, but for what is kept: use in a `with` statement.

    Raises InputError, with the last line that Annif printed, when it fails.
    """

    def __init__(self, labels: Sequence[str], program: Path = PROGRAM) -> None:
        self._labels, self._program = labels, program.absolute()

    def __enter__(self) -> "Annif":
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
            rows.writerows((_uri(place), label) for place, label in enumerate(self._labels))
        self._run("load-vocab", "tasks", "tasks.csv")
        return self

    def __exit__(self, *_) -> None:
        self._scratch.cleanup()

    def train(self, texts: Sequence[str], truth: np.ndarray) -> None:
        """truth: (papers, labels), 0 and 1."""
        self._write("train.tsv", texts, truth)
        self._run("train", "tasks", "train.tsv")

    def optimize(self, texts: Sequence[str], truth: np.ndarray) -> tuple[int, float]:
        """How many tags to give at most, and from which score on: Annif's own search for the highest F1."""
        self._write("dev.tsv", texts, truth)
        found = BEST.search(self._run("optimize", "tasks", "dev.tsv"))
        if not found:
            raise InputError("Annif's `optimize` did not tell the best limit; try the version that `make annif` names.")
        return int(found[1]), float(found[2])

    def scores(self, texts: Sequence[str]) -> np.ndarray:
        """float32 (papers, labels), from 0 to 1; minus infinity for what is not among its 50 first suggestions."""
        self._write("papers.tsv", texts, np.zeros((len(texts), 0)))
        options = ("--limit", str(LIMIT), "--output", "papers.jsonl", "--force", "--no-include-doc")
        self._run("index", "tasks", "papers.tsv", *options)
        scores = np.full((len(texts), len(self._labels)), -np.inf, dtype=np.float32)
        with (self._folder / "papers.jsonl").open(encoding="utf-8") as lines:
            answers = [json.loads(line)["results"] for line in lines]
        if len(answers) != len(texts):
            raise InputError(
                f"Annif answered for {len(answers)} of {len(texts)} papers; try the version of `make annif`."
            )
        for row, results in enumerate(answers):
            for result in results:
                scores[row, int(result["uri"].rpartition(":")[2])] = result["score"]
        return scores

    def keep(self, folder: Path) -> None:
        """Copies the trained project, without the texts it learned from, to a folder."""
        shutil.copytree(self._folder, folder, ignore=shutil.ignore_patterns("*.tsv", "*.jsonl"), dirs_exist_ok=True)

    def _write(self, name: str, texts: Sequence[str], truth: np.ndarray) -> None:
        with (self._folder / name).open("w", encoding="utf-8") as file:
            for text, row in zip(texts, truth, strict=True):
                uris = " ".join(f"<{_uri(place)}>" for place in np.flatnonzero(row))
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
            raise InputError(f"Annif's `{arguments[0]}` failed: {_last_line(run.stderr)}")
        return run.stdout


def keep_best(scores: np.ndarray, limit: int, threshold: float) -> np.ndarray:
    """0 and 1, (papers, labels): the `limit` highest scores of each paper that reach the threshold."""
    top = np.argsort(-scores, axis=1, kind="stable")[:, :limit]
    among_first = np.zeros(scores.shape, dtype=bool)
    np.put_along_axis(among_first, top, True, axis=1)
    return (among_first & (scores >= threshold) & (scores > -np.inf)).astype(np.int64)


def _uri(place: int) -> str:
    return f"urn:task:{place}"


def _last_line(text: str) -> str:
    lines: Iterable[str] = filter(None, map(str.strip, text.splitlines()))
    return next(reversed([*lines]), "it printed nothing")
