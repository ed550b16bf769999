"""What lies in the folder of uploads, and how long."""

import os
import time
from pathlib import Path

from deployment.gradio_app import uploads
from deployment.gradio_app.uploads import KEEP, own_folder, sweep


def put(path, age, text="A secret."):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    for each in (path, path.parent):
        os.utime(each, (time.time() - age,) * 2)


def test_old_files_are_deleted_also_those_of_other_processes(tmp_path):
    own, elsewhere = tmp_path / "paper-tasks-own", tmp_path / "elsewhere"
    put(own / "old" / "papers.csv", KEEP + 60)
    put(own / "new" / "papers.csv", KEEP - 60)
    put(own / "tmpnew", 0)
    put(own / "tmpold", KEEP + 60)
    put(tmp_path / "paper-tasks-killed" / "tmp1", KEEP + 60)
    put(tmp_path / "paper-tasks-living" / "tmp2", KEEP - 60)
    put(elsewhere / "papers.csv", KEEP + 60)
    (tmp_path / "paper-tasks-link").symlink_to(elsewhere)
    os.utime(tmp_path / "paper-tasks-link", (0, 0), follow_symlinks=False)
    sweep(own)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {
        "paper-tasks-own/new/papers.csv",
        "paper-tasks-own/tmpnew",
        "paper-tasks-living/tmp2",
        "elsewhere/papers.csv",
    }
    assert not (tmp_path / "paper-tasks-killed").exists()


def test_what_cannot_be_deleted_is_logged_and_stops_nothing(tmp_path, monkeypatch, caplog):
    own = tmp_path / "paper-tasks-own"
    put(own / "a", KEEP + 60)
    put(own / "b", KEEP + 60)
    unlink = Path.unlink

    def refuse(path):
        if path.name == "a":
            raise PermissionError
        unlink(path)

    monkeypatch.setattr(Path, "unlink", refuse)
    sweep(own)
    assert [path.name for path in own.iterdir()] == ["a"]
    assert "PermissionError at" in caplog.records[0].fields["fault"]


def test_a_folder_is_swept_again_and_again(tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "SWEEP_EVERY", 0.01)
    with own_folder(tmp_path / "new") as name:
        for _ in range(2):
            put(Path(name) / "tmpold", KEEP + 60)
            deadline = time.monotonic() + 10
            while (Path(name) / "tmpold").exists():
                assert time.monotonic() < deadline
                time.sleep(0.01)
    assert not Path(name).exists()
