import pytest

from paper_tasks.data.fingerprints import folder_checksum
from paper_tasks.errors import InputError


def test_papers_without_a_task_are_part_of_the_checksum(tmp_path):
    for name in ("labels.json", "train.csv", "dev.csv", "test.csv"):
        (tmp_path / name).write_text(name)
    before = folder_checksum(tmp_path, "test", None)
    (tmp_path / "unlabelled.csv").write_text("title,abstract")
    assert folder_checksum(tmp_path, "test", None) != before


def test_a_checksum_tells_papers_apart(tmp_path):
    for name in ("labels.json", "train.csv", "dev.csv", "test.csv"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    first = folder_checksum(tmp_path, "test", None)
    assert first == folder_checksum(tmp_path, "test", None)
    assert len({first, folder_checksum(tmp_path, "dev", None), folder_checksum(tmp_path, "test", 5)}) == 3
    (tmp_path / "train.csv").write_text("more", encoding="utf-8")
    assert folder_checksum(tmp_path, "test", None) != first
    (tmp_path / "dev.csv").unlink()
    with pytest.raises(InputError, match=r"dev\.csv is missing"):
        folder_checksum(tmp_path, "test", None)
