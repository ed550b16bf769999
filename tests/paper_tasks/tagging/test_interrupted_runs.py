"""Interrupted runs (killed, or out of disk space) that continue; and the memory that a long run takes."""

import json
import multiprocessing
import os
import random
import re
import resource
import signal
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from paper_tasks import cli
from paper_tasks.errors import InputError, Interrupted
from paper_tasks.io import tables
from paper_tasks.tagger.classifier import TaskClassifier
from paper_tasks.tagging import tag_file as module
from paper_tasks.tagging.journal import journal_path, problems_path
from paper_tasks.tagging.options import TagOptions
from paper_tasks.tagging.tag_file import tag_file
from tests.paper_tasks.tagging.test_tag_file import PAPERS, contents, write
from tests.processes import Program
from tests.stub import StubClassifier


@pytest.mark.parametrize("length", [0, 1, 60])
def test_a_run_killed_within_the_first_line_of_its_journal_starts_again(tmp_path, length):
    source, output = write(tmp_path / "in.csv"), tmp_path / "out.csv"
    run = module._run_record(source, output, StubClassifier(), TagOptions())
    journal_path(output).write_bytes((json.dumps(run) + "\n").encode()[:length])
    tag_file(source, output, StubClassifier(), resume=True)
    assert contents(tmp_path).keys() == {"in.csv", "out.csv"}


def test_half_a_first_line_of_another_run_is_only_replaced_with_overwrite(tmp_path):
    source, output = write(tmp_path / "in.csv"), tmp_path / "out.csv"
    journal_path(output).write_bytes(b'{"input": ["other.c')
    with pytest.raises(InputError, match=r"out\.journal is no journal of this run; move it away, or .* --overwrite\.$"):
        tag_file(source, output, StubClassifier(), resume=True)
    tag_file(source, output, StubClassifier(), overwrite=True)
    assert contents(tmp_path).keys() == {"in.csv", "out.csv"}


def test_a_complete_run_has_nothing_to_resume(tmp_path):
    source, output = write(tmp_path / "in.csv"), tmp_path / "out.csv"
    tag_file(source, output, StubClassifier())
    with pytest.raises(InputError, match="exists already; there is no interrupted run to resume; --overwrite"):
        tag_file(source, output, StubClassifier(), resume=True)


def test_ctrl_c_keeps_the_tagged_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 1)
    source, output = write(tmp_path / "in.csv"), tmp_path / "out.csv"

    class Pressed(StubClassifier):
        def level_logits(self, papers):
            papers = list(papers)
            if papers[0][0] == "Who said what":
                raise KeyboardInterrupt
            return super().level_logits(papers)

    with pytest.raises(Interrupted, match=r"^The 1 papers tagged so far are kept"):
        tag_file(source, output, Pressed())
    for name, options in {"set of options": {"options": TagOptions(top_k=1)}, "input": {}}.items():
        if name == "input":
            write(source, [*PAPERS, *PAPERS])
        with pytest.raises(InputError, match=f"comes from a run with another {name}; give the same again"):
            tag_file(source, output, StubClassifier(), **options, resume=True)


def test_a_run_of_a_release_with_other_columns_is_not_continued(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 2)
    source, output = write(tmp_path / "in.csv", PAPERS * 2), tmp_path / "out.csv"
    with monkeypatch.context() as stopped, pytest.raises(Interrupted):
        stopped.setattr(module, "TAG_COLUMNS", ("predicted_tasks", "probabilities"))
        stopped.setattr(module.Journal, "append", interrupt_after(module.Journal.append))
        tag_file(source, output, StubClassifier())
    with pytest.raises(InputError, match="comes from a run with another set of columns; give the same again"):
        tag_file(source, output, StubClassifier(), resume=True)


def interrupt_after(function):
    """The function, and then a Ctrl-C."""

    def run(*arguments):
        function(*arguments)
        raise KeyboardInterrupt

    return run


def test_a_resumed_run_has_both_levels(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 2)
    stub = StubClassifier(fits_threshold=0.5)
    source = write(tmp_path / "in.csv", [{"title": f"Paper {number}"} for number in range(8)])
    tag_file(source, tmp_path / "undisturbed.parquet", stub)
    with monkeypatch.context() as stopped, pytest.raises(Interrupted):
        stopped.setattr(module.Journal, "append", interrupt_after(module.Journal.append))
        tag_file(source, tmp_path / "out.parquet", stub)
    tag_file(source, tmp_path / "out.parquet", stub, resume=True)
    found, expected = (tables.read_table(tmp_path / f"{name}.parquet") for name in ("out", "undisturbed"))
    assert found.equals(expected) and set(found["also_tasks"]) > {"[]"}


def _fork(target, *arguments):
    process = multiprocessing.get_context("fork").Process(target=target, args=arguments)
    process.start()
    process.join(60)
    return process.exitcode


def _limited(source, output):
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    with pytest.raises(InputError, match=r"out\.csv cannot be written \(File too large\)\. .* papers tagged so far"):
        tag_file(source, output, StubClassifier())


def test_a_full_disk_is_reported_and_the_run_can_resume(tmp_path):
    """RLIMIT_FSIZE stands in for the full disk."""
    source, output = write(tmp_path / "in.csv", PAPERS * 100), tmp_path / "out.csv"
    assert _fork(_limited, source, output) == 0 and not output.exists()
    assert tag_file(source, output, StubClassifier(), resume=True).tagged == 300
    assert contents(tmp_path).keys() == {"in.csv", "out.csv"}


def _killed(step, source, output, resume):
    """Tags, and kills itself just before the disk changes for the `step`-th time."""
    steps = 0

    def watched(change):
        def run(*arguments, **options):
            nonlocal steps
            steps += 1
            if steps == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return change(*arguments, **options)

        return run

    os.fsync, os.truncate = watched(os.fsync), watched(os.truncate)
    Path.replace, Path.unlink = watched(Path.replace), watched(Path.unlink)
    tag_file(source, output, StubClassifier(), resume=resume)


@pytest.mark.slow
@pytest.mark.slow
@pytest.mark.parametrize("ending", [".csv", ".jsonl.gz", ".parquet"])
def test_a_run_killed_at_every_step_leaves_no_trace(tmp_path, monkeypatch, ending):
    """Kills a run at its first step, at its second, and so on; then kills the resumed run once, and resumes it."""
    monkeypatch.setattr(module, "CHUNK", 2)
    source, undisturbed, killed = tmp_path / "in.csv", tmp_path / "undisturbed", tmp_path / "killed"
    source.write_bytes(b"title,abstract\nA,\nB,b\nbroken\nC,\n,\n" + b"D,d\n" * 3 + b"E,\xff\n")
    undisturbed.mkdir()
    summary = tag_file(source, undisturbed / f"out{ending}", StubClassifier())
    assert (summary.tagged, summary.problems) == (6, 3)
    expected = contents(undisturbed)
    assert expected.keys() == {f"out{ending}", "out.problems.csv"}

    numbers = (summary.tagged, summary.problems)
    for step in range(1, 100):
        output = killed / str(step) / f"out{ending}"
        output.parent.mkdir(parents=True)
        if _fork(_killed, step, source, output, False) == 0:
            break
        second = _fork(_killed, step, source, output, True)
        assert second in (0, -signal.SIGKILL)
        if second:
            resumed = tag_file(source, output, StubClassifier(), resume=True)
            assert (resumed.tagged, resumed.problems) == numbers
        assert contents(output.parent) == expected
    assert contents(output.parent) == expected
    assert step > 15


# Enough rows that even on a busy machine some are left at the last kill.
ROWS = 4000


def _tag(seconds=0.0):
    """The command line, with a classifier that takes so many seconds for a paper."""
    TaskClassifier.load = lambda *arguments, **options: StubClassifier(seconds)
    cli.main()


_tag_slowly = partial(_tag, 0.002)


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_run_killed_at_several_moments_leaves_no_trace(tmp_path, ending):
    chance = random.Random(22)
    source = tmp_path / "in.csv"
    lines = ["title,abstract", *(f"Paper {n},Pedestrian detection in rain of {n % 97} mm" for n in range(ROWS))]
    lines[700] = "broken"
    source.write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "killed").mkdir()
    output, undisturbed = tmp_path / "killed" / f"out{ending}", tmp_path / f"out{ending}"
    assert tag_file(source, undisturbed, StubClassifier()).tagged == ROWS - 1

    command = ["tag", source, "--output", output, "--resume"]
    for number in (*[signal.SIGKILL] * 3, signal.SIGINT):
        run = Program(_tag_slowly, *command)
        before, deadline = _length(journal_path(output)), time.monotonic() + 120
        while _length(journal_path(output)) == before:
            assert time.monotonic() < deadline and run.poll() is None, run.stderr
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.3))
        run.send_signal(number)
        assert run.wait() != 0 and not output.exists() and "Traceback" not in run.stderr
    assert run.poll() == 130 and "papers tagged so far are kept: --resume" in run.stderr
    done = Program(_tag, *command)
    assert done.wait() == 0 and f"{ROWS - 1:,} papers tagged" in done.stdout, done.stderr
    assert contents(output.parent) == {path.name: path.read_bytes() for path in (undisturbed, problems_path(output))}
    assert problems_path(output).read_bytes() == problems_path(undisturbed).read_bytes()


def _length(path):
    return path.stat().st_size if path.exists() else 0


def _peak(source, output, queue):
    tag_file(source, output, StubClassifier())
    # getrusage would report the parent's peak if it was higher when it started this process.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    queue.put(int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) / 1024)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak memory of a process from Linux's /proc")
@pytest.mark.parametrize("source, target", [("in.csv.gz", "out.csv"), ("in.parquet", "out.parquet")])
def test_memory_does_not_grow_with_the_table(tmp_path, source, target):
    """Compares the peak memory in MiB over 9,000 papers (a row group of Parquet) and over 41,000."""
    peaks = []
    for copies in (9, 41):
        path = write(
            tmp_path / source, [{"title": f"Paper {n}", "abstract": f"{n} words " * 80} for n in range(1000)] * copies
        )
        context = multiprocessing.get_context("spawn")
        queue = context.Queue()
        process = context.Process(target=_peak, args=(path, tmp_path / f"{copies}.{target}", queue))
        process.start()
        peaks.append(queue.get(timeout=300))
        process.join(30)
    # As a list, the other 32,000 papers would take 38 MiB, and 50 MiB from Parquet.
    assert peaks[1] - peaks[0] < 20, peaks
