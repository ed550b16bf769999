import json

import pytest

from paper_tasks.benchmark.options import ScaleOptions
from paper_tasks.benchmark.scale import MARKS, ScaleReport, measure, measured_table, scale_table
from paper_tasks.errors import InputError
from tests import ROOT
from tests.paper_tasks.benchmark.invented import bench_report
from tests.paper_tasks.tagging.ray.test_cluster import needs_ray

SCALE = ScaleReport("a.csv", 1000, {"1": 20.0, "2": 36.0}, {"1": [20.0], "2": [36.0]}, 0.9)


def test_the_table_has_hours_from_what_was_measured():
    systems = {"ours, fast tier": {"papers_per_s": 4000.0}, "another": {}}
    lines = scale_table(SCALE, bench_report(systems=systems, threads=2)).splitlines()
    assert lines[0] == (
        "On 1,000 papers of a.csv, one worker of one thread tags 20.0 papers a second, and two workers tag 36.0."
    )
    assert lines[1] == "The efficiency is 90%; all hours below are divided by it."
    # 2.4 million papers at 18 a second and core, and at 1,800.
    assert lines[5].startswith("| ours, int8, a worker on Ray (scale.json) | 20.0 | 37.0 | 0.58 |")
    assert lines[6].startswith("| ours, fast tier (bench.json) | 2,000.0 | 0.4 | 0.01 |")
    assert len(lines) == 7


def test_without_a_benchmark_the_table_has_one_row_and_without_a_measurement_there_is_none(tmp_path):
    with pytest.raises(InputError, match=r"scale\.json is missing"):
        measured_table(tmp_path)
    scale = (ROOT / "results" / "scale.json").read_text(encoding="utf-8")
    (tmp_path / "scale.json").write_text(scale, encoding="utf-8")
    assert measured_table(tmp_path).splitlines()[5:] == [measured_table(ROOT / "results").splitlines()[5]]


def test_the_document_has_what_was_measured_last():
    text = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    assert f"{MARKS[0]}\n{measured_table(ROOT / 'results')}{MARKS[1]}" in text


@needs_ray
@pytest.mark.slow
def test_one_and_two_workers_are_measured(tmp_path):
    scale = measure(ROOT / "csv_files" / "sample_papers.csv", ScaleOptions(papers=80, rounds=1), tmp_path)
    one, two = scale.papers_per_s["1"], scale.papers_per_s["2"]
    assert one > 0 and two > 0 and scale.efficiency == pytest.approx(two / one / 2, abs=1e-3)
    assert ScaleReport(**json.loads((tmp_path / "scale.json").read_text(encoding="utf-8"))) == scale
