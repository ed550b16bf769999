"""One worker against two on a Ray cluster, and how many hours that makes for large collections of papers."""

import json
import math
import statistics
import tempfile
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

from paper_tasks.benchmark.options import ScaleOptions
from paper_tasks.benchmark.report import TEMPLATES, BenchReport
from paper_tasks.benchmark.speed import JSON as BENCH_JSON
from paper_tasks.benchmark.systems import FAST, OURS
from paper_tasks.errors import InputError
from paper_tasks.evaluation.rendering import render, table
from paper_tasks.io import atomic, encoder, tables
from paper_tasks.tagging.options import ModelOptions
from paper_tasks.tagging.ray import cluster
from paper_tasks.tagging.ray.cluster import PartitionResult

if TYPE_CHECKING:
    import pandas as pd

MARKS = ("<!-- scale: from here on written by `make bench-scale` -->", "<!-- scale: to here -->")
JSON = "scale.json"
# The table is cut into so many partitions.
PARTITIONS = 40
# Bytes of each node's object store, which tagging hardly uses.
OBJECT_STORE = 80_000_000
CORPORA = {"arXiv": 2_400_000, "OpenAlex": 250_000_000}
# The large cluster of the table.
CORES = 64


@dataclass(frozen=True)
class ScaleReport:
    """Papers per second by number of workers: the median, and each round's; the names are the keys of `scale.json`.

    `efficiency` is the rate of two workers, divided by twice the rate of one.
    """

    source: str
    papers: int
    papers_per_s: dict[str, float]
    rounds: dict[str, list[float]]
    efficiency: float


def measure(source: Path, options: ScaleOptions, output: Path) -> ScaleReport:
    """Measures one worker and two in turn, and writes `scale.json` to `output`.

    A worker has one thread, and a Ray node of its own on this machine. The time is from the start of the first
    partition to the end of the last: Ray's start and the loading of models do not count.

    Raises InputError for a table without titles and abstracts.
    """
    rates: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as scratch:
        papers = Path(scratch) / "in.parquet"
        encoder.write_table(papers, _papers(source, options.papers))
        for number in range(options.rounds):
            for workers, measured in rates.items():
                seconds = _seconds(papers, Path(scratch) / f"{number}-{workers}", workers, options.papers)
                measured.append(round(options.papers / seconds, 2))
    one, two = (statistics.median(measured) for measured in rates.values())
    report = ScaleReport(
        source=source.name,
        papers=options.papers,
        papers_per_s={"1": one, "2": two},
        rounds={str(workers): measured for workers, measured in rates.items()},
        efficiency=round(two / one / 2, 3),
    )
    output.mkdir(parents=True, exist_ok=True)
    atomic.write_json(output / JSON, asdict(report))
    return report


def scale_table(scale: ScaleReport, bench: BenchReport | None) -> str:
    """Two sentences, and a table of core-hours for each corpus at the measured efficiency."""
    one, two = scale.papers_per_s.values()
    rates = {f"{OURS}, a worker on Ray (scale.json)": one}
    if bench:
        for name in (OURS, FAST):
            if name in bench.systems:
                rates[f"{name} (bench.json)"] = bench.systems[name]["papers_per_s"] / bench.threads
    columns = {"rate": "papers/s a core"}
    for corpus, papers in CORPORA.items():
        columns |= {
            corpus: f"{corpus}, {papers / 1e6:g} million: core-hours",
            f"{corpus} on a cluster": f"hours on {CORES} cores",
        }
    rows = {}
    for name, rate in rates.items():
        rows[name] = {"rate": f"{rate:,.1f}"}
        for corpus, papers in CORPORA.items():
            hours = papers / rate / scale.efficiency / 3600
            rows[name] |= {corpus: f"{hours:,.1f}", f"{corpus} on a cluster": f"{hours / CORES:,.2f}"}
    return render(TEMPLATES / "scale.md.j2", scale=scale, one=one, two=two, table=table("system", columns, rows))


def measured_table(results: Path) -> str:
    """The same from `scale.json` and, if it is there, `bench.json`. Raises InputError without the first."""
    scale, bench = results / JSON, results / BENCH_JSON
    if not scale.is_file():
        raise InputError(f"{scale} is missing: run `paper-tasks bench-scale` without --write-only.")
    found = BenchReport.from_json(json.loads(bench.read_text(encoding="utf-8"))) if bench.is_file() else None
    return scale_table(ScaleReport(**json.loads(scale.read_text(encoding="utf-8"))), found)


def _seconds(papers: Path, output: Path, workers: int, rows: int) -> float:
    """From the start of the first partition to the end of the last, on a cluster of so many workers."""
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "object_store_memory": OBJECT_STORE, "include_dashboard": False}
    nodes = Cluster(initialize_head=True, head_node_args=head)
    results: list[PartitionResult] = []
    try:
        for _ in range(workers):
            nodes.add_node(num_cpus=1, object_store_memory=OBJECT_STORE)
        cluster.tag_folder(
            str(papers),
            str(output),
            ModelOptions(),
            address=nodes.address,
            partition_rows=math.ceil(rows / PARTITIONS),
            on_result=results.append,
        )
    finally:
        nodes.shutdown()
    return max(result.ended for result in results) - min(result.started for result in results)


def _papers(source: Path, count: int) -> "pd.DataFrame":
    """Titles and abstracts of the first `count` papers of a table; they repeat if there are fewer."""
    import pandas as pd

    found = [row.values for row in islice(tables.read_rows(source), count) if not row.problem]
    papers = pd.DataFrame(islice(cycle(found), count))
    if missing := {"title", "abstract"}.difference(papers.columns):
        raise InputError(f"{source} has no column '{min(missing)}'; name a table of papers.")
    return papers[["title", "abstract"]]
