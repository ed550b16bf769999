"""Speed and memory of `archive` on a made-up dump as large as Papers with Code's last one.

Usage: python -m tools.bench_archive        (minutes; 2 GB in a temporary folder; writes results/archive.json)
"""

import gzip
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import pyarrow.parquet as pq
import typer
from typer import Option

from paper_tasks.io import atomic

ROOT = Path(__file__).parents[1]
RECORDS = 576_261
SHARDS = 4
# Runs the scraper and prints, last of all, its peak memory in kB. (What the kernel tells a parent about its children
# includes the parent's own.)
MEASURED = """
import atexit, re
from pathlib import Path
from scrapers.cli import main
atexit.register(lambda: print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]))
main()
"""


def made_up_records(seed: int = 22) -> Iterator[dict]:
    """Records as long and as nested as the dump's, without end."""
    chance = random.Random(seed)
    words = ["".join(chance.choices("etaoinshrdlucmfw", k=chance.randint(2, 11))) for _ in range(5000)]
    methods = [
        {
            "name": f"Method {number}",
            "full_name": " ".join(chance.choices(words, k=3)),
            "description": " ".join(chance.choices(words, k=90)),
            "introduced_year": 2015,
            "source_url": "https://arxiv.org/abs/1512.03385v1",
            "source_title": " ".join(chance.choices(words, k=8)),
            "code_snippet_url": None,
            "main_collection": {
                "name": chance.choice(["Transformers", "Word Embeddings", "Clustering", "Graph Models"]),
                "description": " ".join(chance.choices(words, k=30)),
                "parent": None,
                "area": chance.choice(["Natural Language Processing", "General", "Graphs"]),
            },
        }
        for number in range(2000)
    ]
    tasks = [" ".join(chance.choices(words, k=2)).title() for _ in range(4000)]
    for number in count():
        yield {
            "paper_url": f"https://paperswithcode.com/paper/{number}",
            "arxiv_id": f"{chance.randint(1501, 2507)}.{number % 100_000:05}",
            "nips_id": None,
            "openreview_id": None,
            "title": f"{' '.join(chance.choices(words, k=9))} {number}",
            "abstract": "\n".join(" ".join(chance.choices(words, k=12)) for _ in range(15)),
            "short_abstract": " ".join(chance.choices(words, k=30)),
            "url_abs": f"https://arxiv.org/abs/{number}",
            "url_pdf": f"https://arxiv.org/pdf/{number}.pdf",
            "proceeding": None,
            "authors": [" ".join(chance.choices(words, k=2)) for _ in range(4)],
            "tasks": chance.sample(tasks, k=chance.randint(0, 5)),
            "date": f"{chance.randint(2012, 2025)}-0{chance.randint(1, 9)}-{chance.randint(10, 28)}",
            "conference_url_abs": None,
            "conference_url_pdf": None,
            "conference": None,
            "reproduces_paper": None,
            "methods": chance.sample(methods, k=chance.choice([0, 0, 1, 2, 4, 8])),
        }


def write_parquet(folder: Path, total: int) -> list[Path]:
    """A dump in shards of one row group each: what needs most memory to read."""
    made, paths = made_up_records(), []
    for number in range(SHARDS):
        left = total * (number + 1) // SHARDS - total * number // SHARDS
        tables: list[pa.Table] = []
        while left:
            tables.append(
                pa.Table.from_pylist(list(islice(made, min(left, 5000))), tables[0].schema if tables else None)
            )
            left -= len(tables[-1])
        paths.append(folder / f"train-{number:05}-of-{SHARDS:05}.parquet")
        pq.write_table(pa.concat_tables(tables), paths[-1], row_group_size=total)
    return paths


def write_json(folder: Path, total: int) -> list[Path]:
    """The same dump in one .json.gz."""
    path = folder / "papers-with-abstracts.json.gz"
    with gzip.open(path, "wt", encoding="utf-8", compresslevel=1) as file:
        for number, record in enumerate(islice(made_up_records(), total)):
            file.write(("," if number else "[") + json.dumps(record))
        file.write("]")
    return [path]


def measure(dump: list[Path], records: int, output: Path, *options: str) -> dict[str, float]:
    """Runs `archive` over the dump. Seconds of the wall clock depend on what else runs; seconds of CPU less so."""
    command = [sys.executable, "-c", MEASURED, "archive", *map(str, dump), "--output", str(output), *options]
    started, cpu_before = time.monotonic(), cpu_seconds()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    seconds, cpu = time.monotonic() - started, cpu_seconds() - cpu_before
    first, *_, kilobytes = done.stdout.splitlines()
    return {
        "dump_mb": round(sum(path.stat().st_size for path in dump) / 1e6),
        "papers_written": int(first.split()[0].replace(",", "")),
        "csv_mb": round(output.stat().st_size / 1e6),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
        "records_per_second": round(records / seconds),
        "records_per_cpu_second": round(records / cpu),
        "peak_memory_mb": round(int(kilobytes) / 1000),
    }


def cpu_seconds() -> float:
    """What the programs that this one has run took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main(
    records: Annotated[int, Option(help="Records of the dump.")] = RECORDS,
    output: Annotated[Path, Option(help="JSON to write.")] = ROOT / "results" / "archive.json",
) -> None:
    """Makes the dump in both forms, reads each, and writes the figures."""
    figures: dict = {"records": records, "cores": len(os.sched_getaffinity(0))}
    for name, write in (("parquet", write_parquet), ("json_gz", write_json)):
        with tempfile.TemporaryDirectory() as folder:
            dump = write(Path(folder), records)
            figures[name] = measure(dump, records, Path(folder) / "papers.csv", "--everything")
        print(name, figures[name], flush=True)
    output.parent.mkdir(exist_ok=True)
    atomic.write_json(output, figures)


if __name__ == "__main__":
    typer.run(main)
