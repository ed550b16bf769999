import json

import pytest
from PIL import Image

from paper_tasks.benchmark import report, speed
from paper_tasks.benchmark.report import BenchReport
from paper_tasks.errors import InputError
from tests import ROOT
from tests.paper_tasks.benchmark.invented import bench_report


def test_the_page_has_a_row_for_each_system_and_says_how_it_was_measured():
    text = report.page(bench_report())
    assert "the same 1,000 papers on the same 2 threads.\nEach figure is the median of 3 rounds," in text
    assert "| ours, int8 | 80.0 [79.0, 1,000,000.0] | 20.0 | 20.0 | 20.00 | 20 | 20.0 |" in text
    assert "`ours, int8` has 8.0 times the throughput.\nIt has 0.12 of the latency, 0.25 of the cold start" in text
    assert "on tokenizing (3%), attention (30%) and everything else (67%).\n" in text
    assert "**Annif** was not measured." in text and "here of the size" not in text


def test_the_page_says_what_was_different():
    systems = bench_report().systems | {"Annif (Omikuji)": bench_report().systems["ours, int8"]}
    spread = bench_report().spread | {"Annif (Omikuji)": {"papers_per_s": [1.0, 2.0]}}
    text = report.page(bench_report(systems=systems, spread=spread, rounds=1, original="tiny"))
    assert "the median of 1 round," in text and "here of the size `tiny`." in text
    assert "**Annif** learned Omikuji trees" in text


def test_the_readme_gets_one_sentence():
    assert report.readme_line(bench_report()) == (
        "On 2 CPU threads, `ours, int8` tags 80.0 papers a second, and the original's recipe 10.0 "
        "([all figures](results/bench.md)).\n"
    )


def test_texts_are_written_again_from_the_report_alone(tmp_path):
    before = bench_report(fast_ratios_to_original=None)
    speed.write(before, tmp_path)
    assert "fast_ratios_to_original" not in json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    (tmp_path / "bench.md").unlink()
    assert speed.write_again(tmp_path) == before
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == files
    with Image.open(tmp_path / "bench.png") as picture:
        assert picture.width >= 1000


@pytest.mark.parametrize("content", [None, "", "[]", '{"papers": 3}'])
def test_a_missing_or_damaged_report_is_an_error(tmp_path, content):
    if content is not None:
        (tmp_path / "bench.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="run `paper-tasks bench`"):
        speed.write_again(tmp_path)


def test_the_report_in_the_repository_is_read_and_written_back_unchanged():
    record = json.loads((ROOT / "results" / "bench.json").read_text(encoding="utf-8"))
    assert json.dumps(BenchReport.from_json(record).to_json()) == json.dumps(record)


def test_the_documents_have_what_was_measured_last():
    found = BenchReport.from_json(json.loads((ROOT / "results" / "bench.json").read_text(encoding="utf-8")))
    assert (ROOT / "results" / "bench.md").read_text(encoding="utf-8") == report.page(found)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"{speed.MARKS[0]}\n{report.readme_line(found)}{speed.MARKS[1]}" in readme
