"""How fast the shipped model is on one machine, beside the original's recipe.

Every measurement runs in a process of its own, one at a time, and the systems take turns: no system is warm beside
another.
"""

import hashlib
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from paper_tasks.benchmark import report as reports
from paper_tasks.benchmark.options import BenchOptions
from paper_tasks.benchmark.report import BenchReport
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
from paper_tasks.errors import InputError
from paper_tasks.evaluation.baselines import annif_client
from paper_tasks.io import atomic, tables
from paper_tasks.paths import CHECKOUT
from paper_tasks.tagger.model_folder import read_config, usable_cores, verify_files
from paper_tasks.tagger.text import format_paper, has_words

MARKS = ("<!-- speed: from here on written by `make bench` -->", "<!-- speed: to here -->")
JSON = "bench.json"
# Each ratio to the original's recipe, and the score that it is of.
RATIOS = {
    "throughput": "papers_per_s",
    "latency": "latency_p50_ms",
    "cold_start": "cold_start_s",
    "memory": "peak_mib",
}
# Profiling is slow: so many papers show what limits the model.
PROFILED = 100


def bench(source: Path, prepared: Path, model: Path, output: Path, cache: Path, options: BenchOptions) -> BenchReport:
    """Measures all systems on the papers of a table, and writes `bench.json`, `bench.md` and `bench.png` to `output`.

    Annif learns from the train split in `prepared`. It is left out if there is none, or if Annif is not installed.
    `cache` keeps what was built and trained to compare with.

    Raises InputError for a table that is missing or too short, and ModelError for a model that cannot be used.
    """
    if options.threads > usable_cores():
        raise InputError(f"--threads {options.threads} is too many: this process may use {usable_cores()} cores.")
    verify_files(model, read_config(model))
    papers = read_papers(source, options.papers)
    folders = Folders(model, _cached_original(cache, papers, options.original), _cached_annif(cache, prepared))
    systems = [OURS, FAST, ORIGINAL, FP32] + ([ANNIF] if folders.annif else [])
    if not (model / "fast" / "config.json").is_file():
        print(f"The fast tier is not measured: {model} has none.", file=sys.stderr)
        systems.remove(FAST)
    rounds, limits = _measure_all(systems, folders, papers, options)
    medians = summary(rounds)
    for name, scores in medians["systems"].items():
        scores["disk_mb"] = sum(file.stat().st_size for file in model_files(name, folders)) / 1e6
    report = BenchReport(
        **medians,
        **limits,
        papers=len(papers),
        threads=options.threads,
        rounds=options.rounds,
        original=options.original,
    )
    write(report, output)
    return report


def write(report: BenchReport, folder: Path) -> None:
    """Writes `bench.json`, `bench.md` and `bench.png` to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    atomic.write_json(folder / JSON, report.to_json())
    atomic.write_text(folder / "bench.md", reports.page(report))
    reports.plot(report, folder / "bench.png")


def write_again(folder: Path) -> BenchReport:
    """Writes the page and the plot anew from the `bench.json` in `folder`; measures nothing.

    Raises InputError if the file is missing or damaged.
    """
    try:
        report = BenchReport.from_json(json.loads((folder / JSON).read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise InputError(f"{error.filename} is missing: run `paper-tasks bench` without --write-only.") from error
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{folder / JSON} cannot be read ({error}): run `paper-tasks bench` again.") from error
    write(report, folder)
    return report


def read_papers(source: Path, count: int) -> list[tuple[str, str]]:
    """(title, abstract) of the first `count` rows that have both. Raises InputError if there are too few."""
    if not source.is_file():
        raise InputError(f"{source} does not exist; `make data` writes it, or name a table with --table.")
    papers: list[tuple[str, str]] = []
    for row in tables.read_rows(source):
        title, abstract = (row.values.get(name) or "" for name in ("title", "abstract"))
        if not row.problem and has_words(title) and has_words(abstract):
            papers.append((title, abstract))
        if len(papers) == count:
            return papers
    raise InputError(f"{source} has only {len(papers)} papers with title and abstract; ask for fewer with --papers.")


def summary(rounds: Mapping[str, Sequence[Mapping[str, float]]]) -> dict[str, Any]:
    """Medians, ranges and ratios of what the rounds measured, under the names that a BenchReport gives them."""
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


class _Run(NamedTuple):
    """What a process printed last, as JSON, and the seconds until its first answer; NaN if it reported none."""

    first_answer: float
    result: dict[str, Any]


def _measure_all(
    systems: list[str], folders: Folders, papers: list[tuple[str, str]], options: BenchOptions
) -> tuple[dict[str, list[dict[str, float]]], dict[str, Any]]:
    """The scores of each system in each round, and what limits the shipped model (see `profile.limits`)."""
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in systems}
    with tempfile.TemporaryDirectory() as scratch:
        sample = Path(scratch) / "papers.json"
        sample.write_text(json.dumps(papers), encoding="utf-8")
        common = ["--threads", str(options.threads), "--papers", str(sample)]
        paths = [f"--{name}={folder.absolute()}" for name, folder in folders._asdict().items() if folder]
        for turn in range(options.rounds):
            for name in systems:
                print(f"round {turn + 1} of {options.rounds}: {name}", file=sys.stderr)
                rounds[name].append(_measure(name, [*common, *paths], options.threads))
        sample.write_text(json.dumps(papers[:PROFILED]), encoding="utf-8")
        profiled = _run("profile", [*common, "--model", str(folders.model.absolute())], options.threads)
    return rounds, profiled.result


def _measure(name: str, arguments: list[str], threads: int) -> dict[str, float]:
    python = str(annif_client.PROGRAM.with_name("python")) if name == ANNIF else sys.executable
    single = _run("systems", [name, LATENCY, *arguments], threads, python)
    bulk = _run("systems", [name, BULK, *arguments], threads, python).result
    p50, p95 = np.percentile(single.result["times_ms"], [50, 95]).tolist()
    return {
        "papers_per_s": bulk["papers_per_s"],
        "latency_p50_ms": p50,
        "latency_p95_ms": p95,
        "cold_start_s": single.first_answer,
        "peak_mib": bulk["peak_mib"],
    }


def _run(module: str, arguments: list[str], threads: int, python: str = sys.executable) -> _Run:
    """Runs a module of this package in a process of its own. Raises InputError if it fails."""
    environment = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(threads), "RAYON_NUM_THREADS": str(threads)}
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            [python, "-m", f"paper_tasks.benchmark.{module}", *arguments],
            cwd=CHECKOUT,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        seconds, last = math.nan, ""
        with process:
            # Omikuji writes its log among our lines.
            for last in process.stdout or ():
                if last == ANSWERED:
                    seconds = time.perf_counter() - start
        if process.returncode:
            errors.seek(0)
            reason = (errors.read().strip() or "it printed nothing").splitlines()[-1]
            raise InputError(f"The benchmark's {module} {arguments[0]} failed: {reason}")
    return _Run(seconds, json.loads(last))


def _cached_original(cache: Path, papers: list[tuple[str, str]], size: str) -> Path:
    bpe_texts = [format_paper(*paper) for paper in papers]
    made_from = [SIZES[size], bpe_texts]
    return _cached(cache, f"original-{size}", made_from, lambda folder: build_original(folder, bpe_texts, size))


def _cached_annif(cache: Path, prepared: Path) -> Path | None:
    """The folder of a trained project; None, and a line on stderr, if Annif or its papers are missing."""
    if not annif_client.PROGRAM.is_file():
        print(annif_client.HOW_TO_INSTALL, file=sys.stderr)
        return None
    try:
        labels, train = read_labels(prepared), read_split(prepared, "train")
    except InputError as error:
        print(f"Annif is not measured: {error}", file=sys.stderr)
        return None
    train_texts = texts(train)

    def build(folder: Path) -> None:
        with annif_client.Annif(labels) as project:
            project.train(train_texts, multi_hot(train["tasks"], labels))
            project.keep(folder)

    return _cached(cache, "annif", [annif_client.PROJECT, labels, train_texts], build)


def _cached(cache: Path, name: str, made_from: list[Any], build: Callable[[Path], None]) -> Path:
    """The folder that `build` writes; it is written once for the same `made_from`, and always as a whole."""
    digest = hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:16]
    folder = cache / f"{name}-{digest}"
    if not folder.is_dir():
        print(f"Building {name} ...", file=sys.stderr)
        cache.mkdir(parents=True, exist_ok=True)
        with atomic.write_folder(folder) as partial:
            build(partial)
    return folder
