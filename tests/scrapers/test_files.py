import multiprocessing
import resource

import pytest

from paper_tasks.errors import InputError
from scrapers.files import replacing


def test_the_new_file_takes_its_place_at_the_end(tmp_path):
    path = tmp_path / "folder" / "a.csv"
    with replacing(path) as file:
        file.write("ü\r\n")
        assert not path.exists()
    assert path.read_bytes() == "ü\r\n".encode() and list(path.parent.iterdir()) == [path]


def test_a_failure_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(path) as file:
        file.write("new")
        raise ZeroDivisionError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_what_a_killed_run_left_is_overwritten(tmp_path):
    (tmp_path / "a.csv.partial").write_text("left by a killed run, and longer than the new")
    with replacing(tmp_path / "a.csv") as file:
        file.write("new")
    assert (tmp_path / "a.csv").read_text() == "new"


def test_a_second_writer_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    with replacing(path) as file:
        file.write("first")
        with pytest.raises(InputError, match="Another run has"), replacing(path):
            pass
    assert path.read_text() == "first"


def _fill(path):
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    with pytest.raises(InputError, match=r"a\.csv cannot be written \(File too large\)"), replacing(path) as file:
        file.write("x" * 100_000)


def test_a_full_disk_leaves_the_old_file(tmp_path):
    """RLIMIT_FSIZE stands for the full disk."""
    (tmp_path / "a.csv").write_text("old")
    process = multiprocessing.get_context("fork").Process(target=_fill, args=(tmp_path / "a.csv",))
    process.start()
    process.join(30)
    assert process.exitcode == 0
    assert (tmp_path / "a.csv").read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "a.csv"):
        with pytest.raises(InputError, match="cannot be written"), replacing(path):
            pass
