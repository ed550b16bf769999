import sys

import pytest

from paper_tasks import entry
from paper_tasks.errors import InputError, Interrupted

MEMORY = "error: The memory of this machine is used up; close other programs or give fewer papers.\n"


def ended(error):
    with pytest.raises(SystemExit) as ending, entry.one_sentence_errors():
        raise error
    return ending.value.code


@pytest.mark.parametrize(
    "error, code, words",
    [
        (InputError("papers.csv is empty."), 2, "error: papers.csv is empty.\n"),
        (OSError(28, "No space left", "out.csv"), 2, "error: out.csv cannot be read or written (No space left).\n"),
        (OSError("gone"), 2, "error: A file cannot be read or written (gone).\n"),
        (
            MemoryError(),
            2,
            "error: The memory of this machine is used up; close other programs or give fewer papers.\n",
        ),
        (Interrupted("Resume it."), 130, "Interrupted. Resume it.\n"),
    ],
)
def test_an_error_of_the_user_gets_one_sentence(capsys, error, code, words):
    assert ended(error) == code
    assert capsys.readouterr() == ("", words)


@pytest.mark.parametrize(
    "module, remedy",
    [
        ("pyarrow.parquet", 'pip install "from-paper-with-tasks[parquet]"'),
        ("ray", 'pip install "from-paper-with-tasks[ray]"'),
        ("sklearn.svm", 'pip install "from-paper-with-tasks[train]"'),
        ("fastai.learner", "make install"),
    ],
)
def test_a_missing_package_is_reported_with_the_command_that_installs_it(tmp_path, capsys, monkeypatch, module, remedy):
    monkeypatch.setattr(entry, "CHECKOUT", tmp_path)
    assert ended(ModuleNotFoundError(name=module)) == 2
    error = capsys.readouterr().err
    assert remedy in error and module.partition(".")[0] in error and error.count("\n") == 1
    (tmp_path / "Makefile").touch()
    assert ended(ModuleNotFoundError(name=module)) == 2
    assert "run `make install`" in capsys.readouterr().err


def test_output_that_nobody_reads_ends_quietly(capsys, monkeypatch, tmp_path):
    with (tmp_path / "closed").open("w", encoding="utf-8") as closed:
        monkeypatch.setattr(sys, "stdout", closed)
        assert ended(BrokenPipeError()) == 141
