"""What `bench` measured, as a table in words and as a plot."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from paper_tasks.benchmark.systems import ANNIF, FAST, FP32, ORIGINAL, OURS
from paper_tasks.evaluation.palette import BLUE, GREEN, GREY, LOOK, ORANGE, SKY
from paper_tasks.evaluation.rendering import table
from paper_tasks.io import atomic

# What is measured, with its title, and the format of a cell.
COLUMNS = {
    "papers_per_s": ("papers a second", "{:,.1f}"),
    "latency_p50_ms": ("one paper, p50, ms", "{:,.1f}"),
    "latency_p95_ms": ("p95, ms", "{:,.1f}"),
    "cold_start_s": ("cold start, s", "{:.2f}"),
    "peak_mib": ("peak memory, MiB", "{:,.0f}"),
    "disk_mb": ("model on disk, MB", "{:,.1f}"),
}


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
        f"{_about_annif(found)}\n\n"
        + table("system", {score: title for score, (title, _) in COLUMNS.items()}, rows)
        + f"\nBeside the original's recipe, `{OURS}` has {ratios['throughput']:.1f} times the throughput, and "
        f"{ratios['latency']:.2f} of the latency, {ratios['cold_start']:.2f} of the cold start and "
        f"{ratios['memory']:.2f} of the memory. What limits it: {shares} of one thread's time; all in all it reaches "
        f"{found['int8_peak_share']:.0%} of the int8 rate that one large matrix product has on this CPU.\n"
    )


def _about_annif(found: Mapping[str, Any]) -> str:
    if ANNIF not in found["systems"]:
        return "Annif is not measured."
    return "Annif's Omikuji trees learned from the train split; it is asked in one process, in batches of its own size."


def plot(found: Mapping[str, Any], path: Path) -> None:
    """A panel for each score, a bar for each system; lines are the least and the most of the rounds."""
    import matplotlib
    from matplotlib.figure import Figure

    colors = {OURS: BLUE, FAST: SKY, ORIGINAL: ORANGE, FP32: GREY, ANNIF: GREEN}
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
        with atomic.write_atomic(path) as scratch:
            figure.savefig(scratch, format="png", dpi=100, metadata={"Software": None})
