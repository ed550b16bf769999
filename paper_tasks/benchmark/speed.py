"""How fast is the shipped model on one machine, beside the original's recipe? `make bench` measures it.

Every measurement is made in a fresh process, one at a time, the systems taking turns: none is warm beside another.
"""

import argparse
import hashlib
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from paper_tasks.benchmark.report import plot, report
from paper_tasks.benchmark.systems import (
    ANNIF,
    ANSWERED,
    BULK,
    FAST,
    FP32,
    LATENCY,
    ORIGINAL,
    OURS,
    SIZES,
    Folders,
    build_original,
    model_files,
)
from paper_tasks.data.prepared_folder import multi_hot, read_labels, read_split, texts
from paper_tasks.entry import PREPARED, one_sentence_errors, positive
from paper_tasks.errors import InputError
from paper_tasks.evaluation.baselines import annif_client as annif
from paper_tasks.evaluation.rendering import update_document
from paper_tasks.io import atomic, tables
from paper_tasks.paths import CHECKOUT, MODEL_DIR
from paper_tasks.tagger.model_folder import read_config, usable_cores, verify_files
from paper_tasks.tagger.text import format_paper, has_words

ROOT = CHECKOUT
MARKS = ("<!-- speed: from here on written by `make bench` -->", "<!-- speed: to here -->")
# Each ratio, and the score that it is of.
RATIOS = {
    "throughput": "papers_per_s",
    "latency": "latency_p50_ms",
    "cold_start": "cold_start_s",
    "memory": "peak_mib",
}
# Papers that tell what limits the model.
PROFILED = 100


@dataclass(frozen=True)
class BenchOptions:
    """On what to measure, and how often; `original` is a size of `bench_systems.SIZES`."""

    papers: int = 1000
    threads: int = 2
    rounds: int = 3
    original: str = "distilroberta"


def bench(
    source: Path, prepared: Path, model: Path, output: Path, cache: Path, options: BenchOptions
) -> dict[str, Any]:
    """Measures all systems, and writes `bench.json`, `bench.md` and `bench.png` to `output`; returns the first.

    Annif learns from the train split in `prepared`; without that, or not installed, it is left out. Raises InputError
    for a table that is not there or too short, and ModelError for an unusable model.
    """
    if options.threads > usable_cores():
        raise InputError(f"--threads {options.threads}: only {usable_cores()} cores may be used here.")
    verify_files(model, read_config(model))
    papers = read_papers(source, options.papers)
    folders = Folders(model, _cached_original(cache, papers, options.original), _cached_annif(cache, prepared))
    systems = [OURS, FAST, ORIGINAL, FP32] + ([ANNIF] if folders.annif else [])
    if not (model / "fast" / "config.json").is_file():
        print(f"{model} has no fast tier, which is not measured.", file=sys.stderr)
        systems.remove(FAST)
    output.mkdir(parents=True, exist_ok=True)
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in systems}
    with tempfile.TemporaryDirectory() as scratch:
        sample = Path(scratch) / "papers.json"
        sample.write_text(json.dumps(papers), encoding="utf-8")
        common = ["--threads", str(options.threads), "--papers", str(sample)]
        places = [f"--{name}={folder.absolute()}" for name, folder in folders._asdict().items() if folder]
        for turn in range(options.rounds):
            for name in systems:
                print(f"round {turn + 1} of {options.rounds}: {name}", file=sys.stderr)
                rounds[name].append(_measure(name, [*common, *places], options.threads))
        sample.write_text(json.dumps(papers[:PROFILED]), encoding="utf-8")
        limits = _worker(["profile", *common, "--model", str(model.absolute())], options.threads)[1]
    found = summary(rounds) | limits
    for name, scores in found["systems"].items():
        scores["disk_mb"] = sum(file.stat().st_size for file in model_files(name, folders)) / 1e6
    found |= {"papers": len(papers), "threads": options.threads, "rounds": options.rounds, "original": options.original}
    atomic.write_json(output / "bench.json", found)
    atomic.write_text(output / "bench.md", f"# Speed\n\n{report(found)}")
    plot(found, output / "bench.png")
    return found


def read_papers(source: Path, count: int) -> list[tuple[str, str]]:
    """(title, abstract) of the first so many rows that have both. Raises InputError if there are too few."""
    if not source.is_file():
        raise InputError(f"{source} does not exist; `make data` prepares it, or name a table by --table.")
    papers = []
    for row in tables.read_rows(source):
        paper = tuple(row.values.get(name) or "" for name in ("title", "abstract"))
        if not row.problem and all(map(has_words, paper)):
            papers.append(paper)
        if len(papers) == count:
            return papers
    raise InputError(f"{source} has only {len(papers)} papers with title and abstract; ask for no more by --papers.")


def summary(rounds: Mapping[str, list[Mapping[str, float]]]) -> dict[str, Any]:
    """Each system's medians over the rounds, `spread` (least and most), and ours as ratios to the original's.

    A throughput above 1 is faster; of the others less than 1 is better.
    """
    systems: dict[str, dict[str, float]] = {}
    spread: dict[str, dict[str, list[float]]] = {}
    for name, measured in rounds.items():
        columns = {score: [turn[score] for turn in measured] for score in measured[0]}
        systems[name] = {score: statistics.median(values) for score, values in columns.items()}
        spread[name] = {score: [min(values), max(values)] for score, values in columns.items()}

    def ratios(name: str) -> dict[str, float]:
        return {ratio: systems[name][score] / systems[ORIGINAL][score] for ratio, score in RATIOS.items()}

    found = {"systems": systems, "ratios_to_original": ratios(OURS), "spread": spread}
    return found | ({"fast_ratios_to_original": ratios(FAST)} if FAST in systems else {})


def _measure(name: str, arguments: list[str], threads: int) -> dict[str, float]:
    cold, found = _worker(["systems", name, LATENCY, *arguments], threads)
    p50, p95 = np.percentile(found["times_ms"], [50, 95]).tolist()
    _, bulk = _worker(["systems", name, BULK, *arguments], threads)
    return {
        "papers_per_s": bulk["papers_per_s"],
        "latency_p50_ms": p50,
        "latency_p95_ms": p95,
        "cold_start_s": cold,
        "peak_mib": bulk["peak_mib"],
    }


def _worker(command: list[str], threads: int) -> tuple[float, dict[str, Any]]:
    """Seconds until the process told of its first answer (no number if it did not), and the JSON it ended with.

    Raises InputError if it fails.
    """
    own = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(threads), "RAYON_NUM_THREADS": str(threads)}
    module, *arguments = command
    python = annif.PROGRAM.with_name("python") if arguments[0] == ANNIF else sys.executable
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            [python, "-m", f"paper_tasks.benchmark.{module}", *arguments],
            cwd=ROOT,
            env=os.environ | own,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        seconds, last = math.nan, ""
        with process:
            # Omikuji writes its log among our lines.
            for last in process.stdout:
                if last == ANSWERED:
                    seconds = time.perf_counter() - start
        if process.returncode:
            errors.seek(0)
            reason = (errors.read().strip() or "it printed nothing").splitlines()[-1]
            raise InputError(f"The benchmark's {' '.join(command[:2])} failed: {reason}")
    return seconds, json.loads(last)


def _cached_original(cache: Path, papers: list[tuple[str, str]], size: str) -> Path:
    bpe_texts = [format_paper(*paper) for paper in papers]
    what = [SIZES[size], bpe_texts]
    return _cached(cache, f"original-{size}", what, lambda folder: build_original(folder, bpe_texts, size))


def _cached_annif(cache: Path, prepared: Path) -> Path | None:
    """The folder of a trained project; None, and a line on it, where Annif or its papers are missing."""
    if not annif.PROGRAM.is_file():
        print(annif.HOW_TO_INSTALL, file=sys.stderr)
        return None
    try:
        labels, train = read_labels(prepared), read_split(prepared, "train")
    except InputError as error:
        print(f"Annif is not measured: {error}", file=sys.stderr)
        return None
    train_texts = texts(train)

    def build(folder: Path) -> None:
        with annif.Annif(labels) as project:
            project.train(train_texts, multi_hot(train["tasks"], labels))
            project.keep(folder)

    return _cached(cache, "annif", [annif.PROJECT, labels, train_texts], build)


def _cached(cache: Path, name: str, made_from: list[Any], build: Callable[[Path], None]) -> Path:
    """The folder that `build` writes, kept until what it is made from changes; never half there."""
    digest = hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:16]
    folder = cache / f"{name}-{digest}"
    if not folder.is_dir():
        print(f"Building {name} ...", file=sys.stderr)
        cache.mkdir(parents=True, exist_ok=True)
        with atomic.write_folder(folder) as partial:
            build(partial)
    return folder


def main(arguments: list[str] | None = None) -> None:
    """The command line; what fails gets one sentence and exit code 2."""
    default = BenchOptions()
    parser = argparse.ArgumentParser(
        prog="python -m paper_tasks.benchmark.speed", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--table", type=Path, default=Path("csv_files/prepared/test.csv"), help="table of papers")
    parser.add_argument("--prepared", type=Path, default=PREPARED, help="folder that `prepare` wrote, for Annif")
    parser.add_argument("--papers", type=positive, default=default.papers, help="how many of them (%(default)s)")
    parser.add_argument("--threads", type=positive, default=default.threads, help="CPU threads (%(default)s)")
    parser.add_argument("--rounds", type=positive, default=default.rounds, help="how often (%(default)s)")
    parser.add_argument("--model", type=Path, default=MODEL_DIR, help="folder of an exported model (the bundled one)")
    parser.add_argument("--output", type=Path, default=Path("results"), help="folder to write to (%(default)s)")
    parser.add_argument(
        "--cache", type=Path, default=Path("build/bench"), help="keeps what was built and trained to compare with"
    )
    parser.add_argument("--document", type=Path, help="also put the table between its marks in this Markdown file")
    parser.add_argument(
        "--original", choices=SIZES, default=default.original, help="its size; tiny is only to try the benchmark"
    )
    given = parser.parse_args(arguments)
    options = BenchOptions(given.papers, given.threads, given.rounds, given.original)
    with one_sentence_errors():
        text = report(bench(given.table, given.prepared, given.model, given.output, given.cache, options))
        if given.document is not None:
            update_document(given.document, text, MARKS)
        print(text, end="")


if __name__ == "__main__":
    main()
