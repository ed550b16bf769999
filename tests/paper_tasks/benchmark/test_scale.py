import pytest

from paper_tasks.benchmark.scale import MARKS, measure, measured_table, scale_table
from tests import ROOT
from tests.paper_tasks.tagging.ray.test_cluster import needs_ray

SCALE = {"source": "a.csv", "papers": 1000, "papers_per_s": {"1": 20.0, "2": 36.0}, "efficiency": 0.9}


def test_the_table_works_out_hours_from_what_was_measured():
    lines = scale_table(SCALE, {"ours, fast tier": {"papers_per_s": 4000.0}, "another": {}}).splitlines()
    assert "an efficiency of 90%" in lines[0]
    # 2.4 million papers at 18 a second and core, and at 1,800.
    assert lines[4].startswith("| ours, int8, a worker on Ray (scale.json) | 20.0 | 37.0 | 0.58 |")
    assert lines[5].startswith("| ours, fast tier (bench.json) | 2,000.0 | 0.4 | 0.01 |")
    assert len(lines) == 6


def test_the_document_has_what_was_measured_last():
    text = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    assert f"{MARKS[0]}\n{measured_table(ROOT / 'results')}{MARKS[1]}" in text


@needs_ray
@pytest.mark.slow
def test_one_and_two_workers_are_measured():
    scale = measure(ROOT / "csv_files" / "sample_papers.csv", papers=80, rounds=1)
    assert scale["papers_per_s"]["1"] > 0 and scale["papers_per_s"]["2"] > 0
    assert scale["efficiency"] == pytest.approx(scale["papers_per_s"]["2"] / scale["papers_per_s"]["1"] / 2, abs=1e-3)
