import json
import os
import subprocess
import sys

import pytest

from paper_tasks import cli
from paper_tasks.benchmark import speed
from paper_tasks.benchmark.systems import ANNIF, FAST, FP32, ORIGINAL, OURS, Folders, model_files
from paper_tasks.errors import InputError
from paper_tasks.evaluation.baselines import annif_client
from paper_tasks.paths import MODEL_DIR
from tests import ROOT
from tests.paper_tasks import tiny

SCORES = {"papers_per_s", "latency_p50_ms", "latency_p95_ms", "cold_start_s", "peak_mib"}
# Runs the command line, and prints the peak of its memory.
TAG = """
import sys
from paper_tasks import cli
from paper_tasks.benchmark.systems import peak_mib
try:
    cli.main()
except SystemExit as end:
    assert not end.code, end.code
print(peak_mib())
"""


def turn(value):
    return dict.fromkeys(SCORES, value)


def test_medians_spread_and_ratios_come_from_the_rounds():
    rounds = {
        OURS: [turn(8), turn(6), turn(100)],
        FAST: [turn(40)] * 3,
        ORIGINAL: [turn(2), turn(1), turn(4)],
    }
    found = speed.summary(rounds)
    assert found["systems"][OURS] == turn(8)
    assert found["spread"][OURS]["papers_per_s"] == [6, 100]
    assert found["ratios_to_original"] == {"throughput": 4, "latency": 4, "cold_start": 4, "memory": 4}
    assert found["fast_ratios_to_original"]["throughput"] == 20
    assert "fast_ratios_to_original" not in speed.summary({name: rounds[name] for name in (OURS, ORIGINAL)})


def test_rows_without_title_or_abstract_are_skipped(tmp_path):
    source = tmp_path / "papers.csv"
    source.write_text("title,abstract\nOne,Words\n,Words\nTwo,...\nThree,More\n", encoding="utf-8")
    assert speed.read_papers(source, 2) == [("One", "Words"), ("Three", "More")]
    with pytest.raises(InputError, match="has only 2 papers"):
        speed.read_papers(source, 3)


def bench(monkeypatch, *arguments):
    """Runs the command line; its exit code."""
    monkeypatch.setattr("sys.argv", ["paper-tasks", "bench", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--table", "nowhere.csv"], "nowhere.csv does not exist"),
        (["--threads", "100000"], "is too many"),
        (["--model", "nowhere"], "nowhere holds no model"),
    ],
)
def test_a_wrong_input_is_reported_in_one_sentence(arguments, sentence, monkeypatch, capsys):
    assert bench(monkeypatch, *arguments, *([] if "--threads" in arguments else ["--threads", "1"])) == 2
    error = capsys.readouterr().err
    assert sentence in error and error.startswith("error: ") and error.count("\n") == 1


def test_a_system_is_built_once_and_never_half(tmp_path):
    def build(folder, fail=False):
        (folder / "made").touch()
        if fail:
            raise InputError("broke off")

    with pytest.raises(InputError):
        speed._cached(tmp_path, "thing", [1], lambda folder: build(folder, fail=True))
    folder = speed._cached(tmp_path, "thing", [1], build)
    assert (folder / "made").is_file() and speed._cached(tmp_path, "thing", [1], None) == folder
    assert speed._cached(tmp_path, "thing", [2], build) != folder


@pytest.mark.skipif(not annif_client.PROGRAM.is_file(), reason="`make annif` has not put Annif there")
def test_annif_answers_in_its_own_environment(prepared, tmp_path):
    folder = speed._cached_annif(tmp_path, prepared)
    sample = tmp_path / "papers.json"
    sample.write_text(json.dumps([["A title", "We train a network on images."]] * 3), encoding="utf-8")
    folders = [word for name in Folders._fields for word in (f"--{name}", str(folder))]
    found = speed._measure(ANNIF, ["--threads", "1", "--papers", str(sample), *folders], 1)
    assert found.keys() == SCORES and min(found.values()) > 0
    assert speed._cached_annif(tmp_path, prepared) == folder
    assert model_files(ANNIF, Folders(folder, folder, folder))


def test_annif_is_left_out_without_papers_to_learn_from(tmp_path, capsys):
    assert speed._cached_annif(tmp_path, tmp_path / "none") is None
    assert "Annif is not measured" in capsys.readouterr().err


@pytest.mark.slow
def test_a_small_benchmark(tmp_path, monkeypatch):
    table = tiny.write_papers(tmp_path / "papers.csv", 12)
    document = tmp_path / "README.md"
    document.write_text("\n".join(["Before.", *speed.MARKS, "After.\n"]), encoding="utf-8")
    options = ["--papers", "12", "--rounds", "1", "--threads", "1", "--original", "tiny"]
    paths = ["--output", tmp_path / "results", "--cache", tmp_path / "cache", "--document", document]
    assert not bench(monkeypatch, "--table", table, "--prepared", tmp_path / "none", *options, *paths)

    found = json.loads((tmp_path / "results" / "bench.json").read_text(encoding="utf-8"))
    assert {OURS, ORIGINAL, FP32} <= found["systems"].keys()
    assert (FAST in found["systems"]) == (MODEL_DIR / "fast").is_dir()
    for scores in found["systems"].values():
        assert scores.keys() == {*SCORES, "disk_mb"} and min(scores.values()) > 0
    for ratio, score in speed.RATIOS.items():
        ours, original = (found["systems"][name][score] for name in (OURS, ORIGINAL))
        assert found["ratios_to_original"][ratio] == pytest.approx(ours / original)
    assert sum(found["time_shares"].values()) == pytest.approx(1)
    assert min(found["time_shares"].values()) > 0 and found["int8_peak_share"] > 0
    assert (tmp_path / "results" / "bench.png").read_bytes()[:4] == b"\x89PNG"
    assert f"| {OURS} |" in (tmp_path / "results" / "bench.md").read_text(encoding="utf-8")
    text = document.read_text(encoding="utf-8")
    assert text.startswith("Before.") and text.endswith("After.\n") and f"`{OURS}` tags" in text


@pytest.mark.slow
def test_memory_does_not_grow_with_the_table(tmp_path):
    peaks = []
    for rows, tier in ((200, "full"), (200, "fast"), (8000, "fast")):
        source = tiny.write_papers(tmp_path / f"{rows}.csv", rows)
        output = ["--output", str(tmp_path / f"{rows}.{tier}.csv"), "--tier", tier]
        command = [sys.executable, "-c", TAG, "tag", str(source), *output]
        run = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=True)
        peaks.append(float(run.stdout.splitlines()[-1]))
    # 7,800 more rows in memory would take 8 MiB for the probabilities alone, and as much for texts and tags.
    assert max(peaks) < 250e6 / 2**20 and peaks[2] - peaks[1] < 10
