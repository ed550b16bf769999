import errno
import fcntl

import pytest

from paper_tasks.errors import InputError
from paper_tasks.io.locks import opened_alone


def test_opened_alone_is_for_one_at_a_time(tmp_path):
    path = tmp_path / "lock"
    for _ in range(2):
        with opened_alone(path), pytest.raises(InputError, match="lock; wait until it has ended"), opened_alone(path):
            pass


def test_a_file_system_without_locks_is_written_all_the_same(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with opened_alone(tmp_path / "file") as file:
        file.write(b"text")
    assert (tmp_path / "file").read_bytes() == b"text"
