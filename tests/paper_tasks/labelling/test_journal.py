import errno
import os

import pytest

from paper_tasks.errors import InputError
from paper_tasks.io.locks import Busy
from paper_tasks.io.tables import read_rows
from paper_tasks.labelling.journal import Label, open_journal

FIRST = Label("1" * 10, "Erste Schritte: “π”", ["Object Detection"], [])
SECOND = Label("2" * 10, "Two", [], ["Benchmarking"])
LINE = b'{"id": "1", "title": "T", "main": [], "ok": []}\n'


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mine.jsonl"


def test_labels_are_appended_and_a_later_run_knows_them(path):
    with open_journal(path) as journal:
        assert journal.ids == set()
        journal.append(FIRST)
        assert [row.values for row in read_rows(path)] == [vars(FIRST)]
    with open_journal(path) as journal:
        assert journal.ids == {FIRST.id}
        journal.append(SECOND)
    assert [row.values for row in read_rows(path)] == [vars(FIRST), vars(SECOND)]


def test_a_line_that_a_kill_cut_off_is_removed(path):
    path.write_bytes(LINE + b'{"id": "2", "ti')
    with open_journal(path) as journal:
        assert journal.ids == {"1"} and path.read_bytes() == LINE


def test_a_last_line_without_its_end_is_kept(path):
    path.write_bytes(LINE.rstrip())
    with open_journal(path) as journal:
        assert journal.ids == {"1"} and path.read_bytes() == LINE


@pytest.mark.parametrize("line", [b"title,abstract\n", b'{"id": "1"}\n', b"[]\n", b"\xff\n", LINE.replace(b"[]", b"3")])
def test_a_file_of_something_else_is_refused_and_stays(path, line):
    path.write_bytes(LINE + line)
    with pytest.raises(InputError, match="line 2"), open_journal(path):
        pass
    assert path.read_bytes() == LINE + line


def test_other_names_folders_and_two_runs_are_refused(path, tmp_path):
    with pytest.raises(InputError, match=r"ends in \.jsonl"), open_journal(tmp_path / "mine.csv"):
        pass
    with pytest.raises(InputError, match="cannot be read and written"), open_journal(tmp_path / "absent" / "a.jsonl"):
        pass
    with open_journal(path), pytest.raises(Busy), open_journal(path):
        pass


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_label_that_cannot_be_written_leaves_nothing(path, monkeypatch, call):
    def half(descriptor, data):
        return real(descriptor, data[: len(data) // 2])

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with open_journal(path) as journal:
        journal.append(FIRST)
        before, real = path.read_bytes(), os.write
        with monkeypatch.context() as patch, pytest.raises(InputError, match="No space left"):
            patch.setattr(os, call, half if call == "write" else full)
            journal.append(SECOND)
        assert path.read_bytes() == before and journal.ids == {FIRST.id}
        journal.append(SECOND)
    assert len(path.read_bytes().splitlines()) == 2
