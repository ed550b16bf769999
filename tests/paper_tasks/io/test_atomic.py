import multiprocessing
import os
import resource

import pytest

from paper_tasks.errors import InputError
from paper_tasks.io.atomic import open_atomic, restore_folder, write_atomic, write_folder, write_json, write_text


def test_the_new_file_takes_its_place_at_the_end(tmp_path):
    path = tmp_path / "a.csv"
    with open_atomic(path) as file:
        file.write("ü\ud800\r\n")
        assert not path.exists()
    assert path.read_bytes() == "ü?\r\n".encode() and list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), write_atomic(path) as partial:
        partial.write_text("new")
        raise ZeroDivisionError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_what_a_killed_run_left_is_overwritten(tmp_path):
    (tmp_path / "a.csv.partial").write_text("left by a killed run, and longer than the new")
    write_text(tmp_path / "a.csv", "new")
    assert (tmp_path / "a.csv").read_text() == "new"


def test_a_second_writer_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    with open_atomic(path) as file:
        file.write("first")
        with pytest.raises(InputError, match="Another run has"), open_atomic(path):
            pass
    assert path.read_text() == "first"


def _fill(path):
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    with pytest.raises(InputError, match=r"a\.csv cannot be written \(File too large\)"), open_atomic(path) as file:
        file.write("x" * 100_000)


def test_a_full_disk_leaves_the_old_file(tmp_path):
    """RLIMIT_FSIZE stands for the full disk."""
    (tmp_path / "a.csv").write_text("old")
    process = multiprocessing.get_context("fork").Process(target=_fill, args=(tmp_path / "a.csv",))
    process.start()
    process.join(30)
    assert process.exitcode == 0
    assert (tmp_path / "a.csv").read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_a_path_that_cannot_be_written_gets_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "a.csv", tmp_path / "absent" / "a.csv"):
        with pytest.raises(InputError, match=r"cannot be written \([^\n]+\)\.$"):
            write_text(path, "new")


def test_another_files_error_is_not_taken_for_this_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"), write_atomic(tmp_path / "a.csv"):
        (tmp_path / "absent").read_bytes()
    assert list(tmp_path.iterdir()) == []


def test_the_umask_says_who_may_read(tmp_path):
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "a.csv", "new")
    finally:
        os.umask(before)
    assert (tmp_path / "a.csv").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("indent", "text"), [(2, '{\n  "a": [\n    1\n  ]\n}\n'), (0, '{\n"a":[\n1\n]\n}\n'), (None, '{"a":[1]}\n')]
)
def test_json_is_as_readable_as_asked_for(tmp_path, indent, text):
    write_json(tmp_path / "out.json", {"a": [1]}, indent)
    assert (tmp_path / "out.json").read_text(encoding="utf-8") == text


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_replaces_the_old_one_as_a_whole(tmp_path):
    folder = tmp_path / "f"
    for name in ("a", "b"):
        with write_folder(folder) as partial:
            (partial / name).write_text(name)
            (partial / "inner").mkdir()
            (partial / "inner" / name).write_text(name)
        assert names(folder) == [name, "inner"] and names(tmp_path) == ["f"]


def test_a_failure_leaves_the_old_folder(tmp_path):
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / "old").touch()
    with pytest.raises(ZeroDivisionError), write_folder(folder) as partial:
        (partial / "new").touch()
        raise ZeroDivisionError
    assert names(folder) == ["old"] and names(tmp_path) == ["f"]


def test_a_kill_between_two_renames_loses_no_folder(tmp_path):
    folder = tmp_path / "f"
    for name in ("f.old", "f.partial"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    with pytest.raises(ZeroDivisionError), write_folder(folder):
        raise ZeroDivisionError
    assert names(folder) == ["f.old"] and names(tmp_path) == ["f"]
    folder.rename(tmp_path / "f.old")
    restore_folder(folder)
    assert names(folder) == ["f.old"] and names(tmp_path) == ["f"]


def test_what_a_killed_run_left_is_no_part_of_the_folder(tmp_path):
    (tmp_path / "f.partial" / "inner").mkdir(parents=True)
    (tmp_path / "f.partial" / "half").touch()
    with write_folder(tmp_path / "f") as partial:
        (partial / "new").touch()
    assert names(tmp_path / "f") == ["new"]


def test_a_second_writer_of_a_folder_is_refused(tmp_path):
    with write_folder(tmp_path / "f") as partial:
        (partial / "first").touch()
        with pytest.raises(InputError, match="Another run has"), write_folder(tmp_path / "f"):
            pass
    assert names(tmp_path / "f") == ["first"] and names(tmp_path) == ["f"]
