import pytest

from paper_tasks.errors import InputError
from paper_tasks.io.locks import opened_alone


def test_opened_alone_is_for_one_at_a_time(tmp_path):
    path = tmp_path / "lock"
    for _ in range(2):
        with opened_alone(path), pytest.raises(InputError, match="lock; wait until it has ended"), opened_alone(path):
            pass
