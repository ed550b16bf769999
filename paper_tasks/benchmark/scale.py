"""One worker against two on a Ray cluster: `python -m paper_tasks.benchmark.scale csv_files/sample_papers.csv`.

Writes results/scale.json, and from it and results/bench.json (where that is) the table of docs/scale.md.
"""

import argparse
import json
import math
import statistics
import tempfile
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from paper_tasks.entry import one_sentence_errors, positive
from paper_tasks.errors import InputError
from paper_tasks.evaluation import rendering
from paper_tasks.io import atomic, encoder, tables
from paper_tasks.tagging.options import ModelOptions
from paper_tasks.tagging.ray import cluster
from paper_tasks.tagging.ray.cluster import PartitionResult

MARKS = ("<!-- scale: from here on written by `make bench-scale` -->", "<!-- scale: to here -->")
PARTS = 40
CORPORA = {"arXiv": 2_400_000, "OpenAlex": 250_000_000}
# Of bench.json, whose rates are of two threads.
SYSTEMS, BENCH_THREADS = ("ours, int8", "ours, fast tier"), 2


def measure(source: Path, papers: int, rounds: int) -> dict[str, Any]:
    """Papers per second of one worker and of two, one thread each, in alternation, from the beginning of the first
    part to the end of the last: Ray's start and the loading of models are left out. Each worker is on a Ray node of
    its own, all of them on this machine.
    """
    from ray.cluster_utils import Cluster

    rates: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        encoder.write_table(folder / "in.parquet", _papers(source, papers))
        for number in range(rounds):
            for workers, measured in rates.items():
                small = {"object_store_memory": 80_000_000, "include_dashboard": False}
                nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **small})
                try:
                    for _ in range(workers):
                        nodes.add_node(num_cpus=1, object_store_memory=80_000_000)
                    results: list[PartitionResult] = []
                    cluster.tag_folder(
                        str(folder / "in.parquet"),
                        str(folder / f"{number}-{workers}"),
                        ModelOptions(),
                        address=nodes.address,
                        partition_rows=math.ceil(papers / PARTS),
                        on_result=results.append,
                    )
                finally:
                    nodes.shutdown()
                seconds = max(result.ended for result in results) - min(result.started for result in results)
                measured.append(round(papers / seconds, 2))
    one, two = (statistics.median(measured) for measured in rates.values())
    return {
        "source": source.name,
        "papers": papers,
        "papers_per_s": {"1": one, "2": two},
        "rounds": {str(workers): measured for workers, measured in rates.items()},
        "efficiency": round(two / one / 2, 3),
    }


def scale_table(scale: dict[str, Any], systems: dict[str, Any]) -> str:
    """Core-hours for each corpus, and the hours that 64 cores take, at the measured efficiency."""
    rates = {"ours, int8, a worker on Ray (scale.json)": scale["papers_per_s"]["1"]} | {
        f"{name} (bench.json)": systems[name]["papers_per_s"] / BENCH_THREADS for name in SYSTEMS if name in systems
    }
    columns = {"rate": "papers/s a core"}
    for corpus, papers in CORPORA.items():
        columns |= {corpus: f"{corpus}, {papers / 1e6:g} million: core-hours", f"{corpus} 64": "hours on 64 cores"}
    rows = {}
    for name, rate in rates.items():
        rows[name] = {"rate": f"{rate:,.1f}"}
        for corpus, papers in CORPORA.items():
            hours = papers / rate / scale["efficiency"] / 3600
            rows[name] |= {corpus: f"{hours:,.1f}", f"{corpus} 64": f"{hours / 64:,.2f}"}
    one, two = scale["papers_per_s"].values()
    return (
        f"On {scale['papers']:,} papers of {scale['source']} one worker of one thread tags {one:,.1f} papers a second, "
        f"two tag {two:,.1f}: an efficiency of {scale['efficiency']:.0%}, which all hours below are divided by.\n\n"
        + rendering.table("system", columns, rows)
    )


def measured_table(results: Path) -> str:
    """The same from what `scale.json` and, if it is there, `bench.json` hold. Raises InputError without the first."""
    scale, bench = results / "scale.json", results / "bench.json"
    if not scale.is_file():
        raise InputError(f"{scale} is missing: name a table of papers to measure on, or make bench-scale.")
    systems = json.loads(bench.read_text(encoding="utf-8"))["systems"] if bench.is_file() else {}
    return scale_table(json.loads(scale.read_text(encoding="utf-8")), systems)


def main() -> None:
    """Measures and writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "source", type=Path, nargs="?", help="table of papers to take texts from; without one, only the document is new"
    )
    parser.add_argument("--papers", type=positive, default=1000)
    parser.add_argument("--rounds", type=positive, default=3)
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--document", type=Path, default=Path("docs/scale.md"))
    options = parser.parse_args()
    with one_sentence_errors():
        if options.source:
            scale = measure(options.source, options.papers, options.rounds)
            atomic.write_json(options.results / "scale.json", scale)
        table = measured_table(options.results)
        rendering.update_document(options.document, table, MARKS)
        print(table)


def _papers(source: Path, papers: int) -> Any:
    """The first papers of a table; from the start again where there are fewer."""
    import pandas as pd

    found = [row.values for row in islice(tables.read_rows(source), papers) if not row.problem]
    table = pd.DataFrame(islice(cycle(found), papers))
    if missing := {"title", "abstract"}.difference(table.columns):
        raise InputError(f"{source} has no column '{min(missing)}'; name a table of papers.")
    return table[["title", "abstract"]]


if __name__ == "__main__":
    main()
