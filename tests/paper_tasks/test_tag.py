import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from deployment.classifier import TaskClassifier
from paper_tasks import tables
from paper_tasks.errors import InputError
from paper_tasks.tag import TagOptions, tag_file

PAPERS = [
    {"id": "1", "title": "Counting cars from drones", "abstract": "We detect small vehicles in aerial pictures."},
    {"id": "2", "title": "Who said what", "abstract": "Speaker diarization of long meetings, online."},
    {"id": "3", "title": "Ünder the hood", "abstract": "Translating German to English with fewer parameters."},
]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def classifier():
    return TaskClassifier.load()


def write(path, rows=PAPERS):
    with path.open("wb") as file, tables.RowWriter(file, path) as writer:
        writer.write(rows)
    return path


@pytest.mark.parametrize("target", ["out.csv", "out.jsonl", "out.parquet"])
@pytest.mark.parametrize("source", ["in.csv", "in.jsonl", "in.parquet"])
def test_every_format_to_every_format(tmp_path, classifier, source, target):
    summary = tag_file(write(tmp_path / source), tmp_path / target, classifier)
    assert (summary.tagged, summary.problems) == (3, 0)
    rows = tables.read_table(tmp_path / target)
    assert list(rows.columns) == ["id", "title", "abstract", "predicted_tasks", "probabilities"]
    assert rows[["id", "title", "abstract"]].to_dict("records") == PAPERS
    expected = classifier.predict((paper["title"], paper["abstract"]) for paper in PAPERS)
    assert [json.loads(cell) for cell in rows["predicted_tasks"]] == [[tag.task for tag in tags] for tags in expected]
    for cell, tags in zip(rows["probabilities"], expected, strict=True):
        np.testing.assert_allclose(json.loads(cell), [tag.probability for tag in tags], atol=1e-3)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([source, target])


def test_all_scores_adds_every_label(tmp_path, classifier):
    tag_file(write(tmp_path / "in.csv"), tmp_path / "out.parquet", classifier, TagOptions(all_scores=True))
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.column_names[-260:] == list(classifier.labels)
    scores = np.array([table[label].to_pylist() for label in classifier.labels]).T
    expected = classifier.probabilities((paper["title"], paper["abstract"]) for paper in PAPERS)
    np.testing.assert_allclose(scores, expected, atol=1e-3)


def test_threshold_and_top_k(tmp_path, classifier):
    options = TagOptions(top_k=2, threshold=0.0)
    tag_file(write(tmp_path / "in.jsonl"), tmp_path / "out.jsonl", classifier, options)
    for row in tables.read_rows(tmp_path / "out.jsonl"):
        assert len(row.values["predicted_tasks"]) == 2
        assert row.values["probabilities"][0] >= row.values["probabilities"][1]


def test_broken_rows_are_listed_and_the_others_tagged(tmp_path, classifier):
    source = tmp_path / "in.csv"
    source.write_bytes(b"Title,ABSTRACT\nA,graph learning\nshort\n , \nB,\xff\nC,robots\n")
    summary = tag_file(source, tmp_path / "out.csv", classifier)
    assert (summary.tagged, summary.problems) == (2, 3)
    assert list(tables.read_table(tmp_path / "out.csv")["Title"]) == ["A", "C"]
    with (tmp_path / "out.csv.problems.csv").open(encoding="utf-8") as file:
        assert [int(row["line"]) for row in csv.DictReader(file)] == [3, 4, 5]


@pytest.mark.parametrize(
    "content, words",
    [
        ("name,year\nA,1\n", "no column 'title' or 'abstract'; its columns are: name, year"),
        ("title,abstract\n,\n", "no paper that could be tagged"),
        ("title,abstract\n", "no rows"),
    ],
)
def test_nothing_to_tag_gets_one_sentence(tmp_path, classifier, content, words):
    source = tmp_path / "in.csv"
    source.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        tag_file(source, tmp_path / "out.csv", classifier)
    assert not (tmp_path / "out.csv").exists() and not (tmp_path / "out.csv.partial").exists()


def test_what_is_there_is_not_overwritten_unasked(tmp_path, classifier):
    source = write(tmp_path / "in.csv")
    for output in (source, write(tmp_path / "out.csv")):
        before = output.read_bytes()
        with pytest.raises(InputError):
            tag_file(source, output, classifier)
        assert output.read_bytes() == before
    with pytest.raises(InputError, match="is the input itself"):
        tag_file(source, source, classifier, TagOptions(overwrite=True))
    tag_file(source, output, classifier, TagOptions(overwrite=True))
    with pytest.raises(InputError, match="folder"):
        tag_file(source, tmp_path / "absent" / "out.csv", classifier)


def test_a_file_that_breaks_off_keeps_what_was_tagged(tmp_path, classifier):
    import gzip

    source = tmp_path / "in.csv.gz"
    rows = "".join(f"Title {number},{os.urandom(40).hex()}\n" for number in range(3000))
    source.write_bytes(gzip.compress(("title,abstract\n" + rows).encode())[:-20_000])
    with pytest.raises(InputError, match=r"breaks off after line .* papers tagged so far are in .*partial"):
        tag_file(source, tmp_path / "out.csv", classifier)
    partial = tmp_path / "out.csv.partial"
    assert partial.exists() and not (tmp_path / "out.csv").exists()
    assert len(partial.read_text(encoding="utf-8").splitlines()) > 512


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_keeps_what_was_tagged(tmp_path, number):
    rows = [{"title": f"Paper {n}", "abstract": "pedestrian detection in the rain " * 6} for n in range(20_000)]
    source, output = write(tmp_path / "in.csv", rows), tmp_path / "out.csv"
    command = [sys.executable, "-m", "paper_tasks", "tag", source, "--output", output]
    run = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    partial = tmp_path / "out.csv.partial"
    deadline = time.monotonic() + 120
    while not partial.exists() or partial.stat().st_size < 100_000:
        assert time.monotonic() < deadline and run.poll() is None
        time.sleep(0.05)
    run.send_signal(number)
    _, errors = run.communicate(timeout=60)
    assert run.returncode != 0 and not output.exists() and "Traceback" not in errors
    partial.rename(tmp_path / "kept.csv")
    kept = list(tables.read_rows(tmp_path / "kept.csv"))
    assert len(kept) >= 512 and sum(row.problem is not None for row in kept) <= 1
    if number == signal.SIGINT:
        assert run.returncode == 130 and "tagged so far are in" in errors
