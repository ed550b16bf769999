from pathlib import Path

import pytest

from scrapers.schema import read_papers
from tools.bench_archive import made_up_records, measure, write_json, write_parquet


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc")
@pytest.mark.parametrize("write", [write_parquet, write_json])
def test_memory_and_speed(tmp_path, write, capsys):
    """A hundredth of the dump, which already fills every buffer; bench_archive.py measures the whole."""
    dump = write(tmp_path, 6_000)
    figures = measure(dump, 6_000, tmp_path / "papers.csv", "--everything")
    with capsys.disabled():
        print(f"\n{write.__name__}: {figures}")
    assert figures["papers_written"] == 6_000 and figures["peak_memory_mb"] < 500
    first = next(made_up_records())
    assert next(read_papers(tmp_path / "papers.csv")).title == first["title"]
