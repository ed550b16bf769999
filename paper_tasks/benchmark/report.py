"""What `bench` measured: the content of `bench.json`, and the page, the README's line and the plot made from it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import matplotlib
from matplotlib.figure import Figure

from paper_tasks.benchmark.systems import ANNIF, FAST, FP32, ORIGINAL, OURS
from paper_tasks.evaluation.palette import BLUE, GREEN, GREY, LOOK, ORANGE, SKY
from paper_tasks.evaluation.rendering import render, table
from paper_tasks.io import atomic

TEMPLATES = Path(__file__).parent / "templates"
COLORS = {OURS: BLUE, FAST: SKY, ORIGINAL: ORANGE, FP32: GREY, ANNIF: GREEN}
# Each score with its title and the format of its cells.
COLUMNS = {
    "papers_per_s": ("papers a second", "{:,.1f}"),
    "latency_p50_ms": ("one paper, p50, ms", "{:,.1f}"),
    "latency_p95_ms": ("p95, ms", "{:,.1f}"),
    "cold_start_s": ("cold start, s", "{:.2f}"),
    "peak_mib": ("peak memory, MiB", "{:,.0f}"),
    "disk_mb": ("model on disk, MB", "{:,.1f}"),
}


@dataclass(frozen=True, kw_only=True)
class BenchReport:
    """Everything that one benchmark measured; the names are the keys of `bench.json`.

    Attributes:
        systems: the median of each score, by system.
        ratios_to_original: the shipped model's scores, divided by those of the original's recipe. A throughput above 1
            is better; in the others less than 1 is better.
        spread: the lowest and the highest value of each score, by system.
        fast_ratios_to_original: the fast tier's ratios; None if the model has no fast tier.
        time_shares: the shares of one thread's time by kind of work; they sum to 1.
        int8_peak_share: `int8_gops` divided by `int8_peak_gops`.
        int8_gops: billions of int8 operations a second of the shipped model's encoder.
        int8_peak_gops: the same of one large matrix product on this CPU.
        tokens_per_paper: mean number of tokens of a title and abstract.
        papers: how many papers each system tagged.
        threads: CPU threads of each system.
        rounds: how often each system was measured.
        original: the size of the original's model.
    """

    systems: dict[str, dict[str, float]]
    ratios_to_original: dict[str, float]
    spread: dict[str, dict[str, list[float]]]
    fast_ratios_to_original: dict[str, float] | None = None
    time_shares: dict[str, float]
    int8_peak_share: float
    int8_gops: float
    int8_peak_gops: float
    tokens_per_paper: float
    papers: int
    threads: int
    rounds: int
    original: str

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Reads what `to_json` wrote. Raises TypeError for anything else."""
        return cls(**record)

    def to_json(self) -> dict[str, Any]:
        """The content of `bench.json`; ratios of a missing fast tier are left out."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def page(report: BenchReport) -> str:
    """The content of `bench.md`: the table, how it was measured, and what limits our model."""
    rows = {}
    for name, scores in report.systems.items():
        rows[name] = {score: form.format(scores[score]) for score, (_, form) in COLUMNS.items()}
        low, high = (COLUMNS["papers_per_s"][1].format(value) for value in report.spread[name]["papers_per_s"])
        rows[name]["papers_per_s"] += f" [{low}, {high}]"
    return render(
        TEMPLATES / "bench.md.j2",
        report=report,
        table=table("system", {score: title for score, (title, _) in COLUMNS.items()}, rows),
        ours=OURS,
        has_annif=ANNIF in report.systems,
    )


def readme_line(report: BenchReport) -> str:
    """The README's sentence on speed."""
    return render(
        TEMPLATES / "readme_line.md.j2", report=report, ours=report.systems[OURS], original=report.systems[ORIGINAL]
    )


def plot(report: BenchReport, path: Path) -> None:
    """Draws a panel for each score and a bar for each system; lines are the range of the rounds."""
    with matplotlib.rc_context(LOOK):
        figure = Figure(figsize=(12, 2.6 + 0.7 * len(report.systems)))
        panels = figure.subplots(2, 3, sharey=True)
        for axes, (score, (title, form)) in zip(panels.flat, COLUMNS.items(), strict=True):
            for row, (name, scores) in enumerate(report.systems.items()):
                low, high = report.spread[name].get(score, [scores[score]] * 2)
                errors = [[scores[score] - low], [high - scores[score]]]
                axes.barh(row, scores[score], 0.7, xerr=errors, color=COLORS[name], error_kw={"linewidth": 1})
                axes.text(high, row, f"  {form.format(scores[score])}", va="center")
            axes.set(title="more is better" if score == "papers_per_s" else "less is better", xlabel=title)
            axes.margins(x=0.25)
            axes.grid(visible=False, axis="y")
        panels[0, 0].set_yticks(range(len(report.systems)), report.systems)
        panels[0, 0].invert_yaxis()
        figure.suptitle(
            f"Speed and size on {report.papers:,} papers and {report.threads} threads, medians and range of rounds",
            x=0.01,
            ha="left",
        )
        with atomic.write_atomic(path) as partial:
            figure.savefig(partial, format="png", dpi=100, metadata={"Software": None})
