"""How fast is the shipped model on one machine, beside the original's recipe? `make bench` measures it.

Every measurement is made in a fresh process, one at a time, the systems taking turns: none is warm beside another.
"""

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deployment.classifier import format_paper
from deployment.model_folder import read_config, usable_cores, verify_files
from paper_tasks import tables, writing
from paper_tasks.bench_systems import (
    BULK,
    FAST,
    FP32,
    LATENCY,
    ORIGINAL,
    OURS,
    SIZES,
    build_original,
    model_files,
)
from paper_tasks.cli import MODEL_DIR, one_sentence_errors
from paper_tasks.errors import InputError
from paper_tasks.scoreboard import table, update_document

ROOT = Path(__file__).parent.parent
MARKS = ("<!-- speed: from here on written by `make bench` -->", "<!-- speed: to here -->")
# What is measured, with its title, and the format of a cell.
COLUMNS = {
    "papers_per_s": ("papers a second", "{:,.1f}"),
    "latency_p50_ms": ("one paper, p50, ms", "{:,.1f}"),
    "latency_p95_ms": ("p95, ms", "{:,.1f}"),
    "cold_start_s": ("cold start, s", "{:.2f}"),
    "peak_mib": ("peak memory, MiB", "{:,.0f}"),
    "disk_mb": ("model on disk, MB", "{:,.1f}"),
}
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


def bench(source: Path, model: Path, output: Path, cache: Path, options: BenchOptions) -> dict[str, Any]:
    """Measures all systems, and writes `bench.json`, `bench.md` and `bench.png` to `output`; returns the first.

    Raises InputError for a table that is not there or too short, and ModelError for an unusable model.
    """
    if options.threads > usable_cores():
        raise InputError(f"--threads {options.threads}: only {usable_cores()} cores may be used here.")
    verify_files(model, read_config(model))
    papers = read_papers(source, options.papers)
    original = _cached_original(cache, papers, options.original)
    systems = [OURS, FAST, ORIGINAL, FP32]
    if not (model / "fast" / "config.json").is_file():
        print(f"{model} has no fast tier, which is not measured.", file=sys.stderr)
        systems.remove(FAST)
    output.mkdir(parents=True, exist_ok=True)
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in systems}
    with tempfile.TemporaryDirectory() as scratch:
        sample = Path(scratch) / "papers.json"
        sample.write_text(json.dumps(papers), encoding="utf-8")
        common = ["--threads", str(options.threads), "--model", str(model.absolute())]
        for turn in range(options.rounds):
            for name in systems:
                print(f"round {turn + 1} of {options.rounds}: {name}", file=sys.stderr)
                arguments = [*common, "--original", str(original.absolute()), "--papers", str(sample)]
                rounds[name].append(_measure(name, arguments, options.threads))
        sample.write_text(json.dumps(papers[:PROFILED]), encoding="utf-8")
        limits = _worker(["bench_limits", *common, "--papers", str(sample)], options.threads)[1]
    found = summary(rounds) | limits
    for name, scores in found["systems"].items():
        scores["disk_mb"] = sum(file.stat().st_size for file in model_files(name, model, original)) / 1e6
    found |= {"papers": len(papers), "threads": options.threads, "rounds": options.rounds, "original": options.original}
    writing.write_json(output / "bench.json", found)
    with writing.write_atomic(output / "bench.md") as path:
        path.write_text(f"# Speed\n\n{report(found)}", encoding="utf-8")
    _plot(found, output / "bench.png")
    return found


def read_papers(source: Path, count: int) -> list[tuple[str, str]]:
    """(title, abstract) of the first so many rows that have both. Raises InputError if there are too few."""
    if not source.is_file():
        raise InputError(f"{source} does not exist; `make data` prepares it, or name a table by --table.")
    papers = []
    for row in tables.read_rows(source):
        paper = tuple(row.values.get(name) or "" for name in ("title", "abstract"))
        if not row.problem and all(any(map(str.isalnum, text)) for text in paper):
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


def report(found: Mapping[str, Any]) -> str:
    """The table, how it came about, and what limits our model."""
    rows = {}
    for name, scores in found["systems"].items():
        rows[name] = {score: form.format(scores[score]) for score, (_, form) in COLUMNS.items()}
        low, high = (COLUMNS["papers_per_s"][1].format(value) for value in found["spread"][name]["papers_per_s"])
        rows[name]["papers_per_s"] += f" [{low}, {high}]"
    rounds = "1 round" if found["rounds"] == 1 else f"{found['rounds']} rounds"
    ratios = found["ratios_to_original"]
    shares = ", ".join(f"{name} {share:.0%}" for name, share in found["time_shares"].items())
    size = "" if found["original"] == "distilroberta" else f", here of the size `{found['original']}`"
    return (
        f"The same {found['papers']:,} papers on the same {found['threads']} threads, medians of "
        f"{rounds} in alternation, each measurement in a fresh process (in brackets the least and the most). The "
        "original's recipe is distilroberta in dynamic int8 with random weights, one abstract a call, behind a BPE "
        "learnt from these papers, which cuts them into fewer tokens than RoBERTa's and so favors it; fp32 is the same "
        f"in PyTorch{size}. Cold start is from process start to the first answer; packages are not counted on disk. "
        "Annif is not measured.\n\n"
        + table("system", {score: title for score, (title, _) in COLUMNS.items()}, rows)
        + f"\nBeside the original's recipe, `{OURS}` has {ratios['throughput']:.1f} times the throughput, and "
        f"{ratios['latency']:.2f} of the latency, {ratios['cold_start']:.2f} of the cold start and "
        f"{ratios['memory']:.2f} of the memory. What limits it: {shares} of one thread's time; all in all it reaches "
        f"{found['int8_peak_share']:.0%} of the int8 rate that one large matrix product has on this CPU.\n"
    )


def _measure(name: str, arguments: list[str], threads: int) -> dict[str, float]:
    cold, found = _worker(["bench_systems", name, LATENCY, *arguments], threads)
    p50, p95 = np.percentile(found["times_ms"], [50, 95]).tolist()
    _, bulk = _worker(["bench_systems", name, BULK, *arguments], threads)
    return {
        "papers_per_s": bulk["papers_per_s"],
        "latency_p50_ms": p50,
        "latency_p95_ms": p95,
        "cold_start_s": cold,
        "peak_mib": bulk["peak_mib"],
    }


def _worker(command: list[str], threads: int) -> tuple[float, dict[str, Any]]:
    """Seconds until the process printed something, and the JSON it ended with. Raises InputError if it failed."""
    own = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(threads), "RAYON_NUM_THREADS": str(threads)}
    module, *arguments = command
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", f"paper_tasks.{module}", *arguments],
            cwd=ROOT,
            env=os.environ | own,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        with process:
            first = process.stdout.readline()
            seconds = time.perf_counter() - start
            last = process.stdout.read() or first
        if process.returncode:
            errors.seek(0)
            reason = (errors.read().strip() or "it printed nothing").splitlines()[-1]
            raise InputError(f"The benchmark's {' '.join(command[:2])} failed: {reason}")
    return seconds, json.loads(last)


def _cached_original(cache: Path, papers: list[tuple[str, str]], size: str) -> Path:
    texts = [format_paper(*paper) for paper in papers]
    digest = hashlib.sha256(json.dumps([SIZES[size], texts]).encode()).hexdigest()[:16]
    folder = cache / f"original-{size}-{digest}"
    if not folder.is_dir():
        print("Building the original's recipe ...", file=sys.stderr)
        unfinished = cache / f"{folder.name}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        build_original(unfinished, texts, size)
        unfinished.rename(folder)
    return folder


def _plot(found: Mapping[str, Any], path: Path) -> None:
    """A panel for each score, a bar for each system; lines are the least and the most of the rounds."""
    import matplotlib
    from matplotlib.figure import Figure

    from paper_tasks.notebook import BLUE, GREY, LOOK, ORANGE, SKY

    colors = {OURS: BLUE, FAST: SKY, ORIGINAL: ORANGE, FP32: GREY}
    systems = found["systems"]
    with matplotlib.rc_context(LOOK):
        figure = Figure(figsize=(12, 2.6 + 0.7 * len(systems)))
        panels = figure.subplots(2, 3, sharey=True)
        for axes, (score, (title, form)) in zip(panels.flat, COLUMNS.items(), strict=True):
            for place, (name, scores) in enumerate(systems.items()):
                low, high = found["spread"][name].get(score, [scores[score]] * 2)
                errors = [[scores[score] - low], [high - scores[score]]]
                axes.barh(place, scores[score], 0.7, xerr=errors, color=colors[name], error_kw={"linewidth": 1})
                axes.text(high, place, f"  {form.format(scores[score])}", va="center")
            axes.set(title="more is better" if score == "papers_per_s" else "less is better", xlabel=title)
            axes.margins(x=0.25)
            axes.grid(visible=False, axis="y")
        panels[0, 0].set_yticks(range(len(systems)), systems)
        panels[0, 0].invert_yaxis()
        figure.suptitle(
            f"Speed and size on {found['papers']:,} papers and {found['threads']} threads, medians and range of rounds",
            x=0.01,
            ha="left",
        )
        with writing.write_atomic(path) as scratch:
            figure.savefig(scratch, format="png", dpi=100, metadata={"Software": None})


def main(arguments: list[str] | None = None) -> None:
    """The command line; what fails gets one sentence and exit code 2."""
    default = BenchOptions()
    parser = argparse.ArgumentParser(prog="python -m paper_tasks.bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--table", type=Path, default=Path("csv_files/prepared/test.csv"), help="table of papers")
    parser.add_argument("--papers", type=_positive, default=default.papers, help="how many of them (%(default)s)")
    parser.add_argument("--threads", type=_positive, default=default.threads, help="CPU threads (%(default)s)")
    parser.add_argument("--rounds", type=_positive, default=default.rounds, help="how often (%(default)s)")
    parser.add_argument("--model", type=Path, default=MODEL_DIR, help="folder of an exported model (the bundled one)")
    parser.add_argument("--output", type=Path, default=Path("results"), help="folder to write to (%(default)s)")
    parser.add_argument("--cache", type=Path, default=Path("build/bench"), help="keeps the original's recipe")
    parser.add_argument("--document", type=Path, help="also put the table between its marks in this Markdown file")
    parser.add_argument(
        "--original", choices=SIZES, default=default.original, help="its size; tiny is only to try the benchmark"
    )
    given = parser.parse_args(arguments)
    options = BenchOptions(given.papers, given.threads, given.rounds, given.original)
    with one_sentence_errors():
        text = report(bench(given.table, given.model, given.output, given.cache, options))
        if given.document is not None:
            update_document(given.document, text, MARKS)
        print(text, end="")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 1 up")
    return int(text)


if __name__ == "__main__":
    main()
