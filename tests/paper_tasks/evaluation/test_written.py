import shutil
from pathlib import Path

import pytest

from paper_tasks.errors import InputError
from paper_tasks.evaluation import results, written
from paper_tasks.evaluation.read_labels import results as read_results
from tests.paper_tasks.evaluation.invented import evaluation
from tests.paper_tasks.evaluation.read_labels.invented import read_evaluation
from tests.paper_tasks.evaluation.read_labels.test_results import per_task


@pytest.fixture(scope="module")
def distant(tmp_path_factory):
    folder = tmp_path_factory.mktemp("distant")
    results.write(evaluation(), per_task(*evaluation().systems), folder)
    return folder


@pytest.fixture
def folder(distant, tmp_path):
    """A folder with an evaluation on distant labels."""
    return Path(shutil.copytree(distant, tmp_path / "results"))


def test_read_labels_lead_as_soon_as_they_are_there(folder):
    reports = written.read(folder)
    assert reports == (evaluation(), None)
    assert "| micro-F1 |" in reports.readme_table() and "| masked |" in reports.table()
    read_results.write(read_evaluation(), per_task(*read_evaluation().systems), folder)
    reports = written.read(folder)
    assert reports == (evaluation(), read_evaluation())
    assert "| F1, newest papers |" in reports.readme_table() and "| none for none |" in reports.table()


def test_both_are_written_again(folder):
    read_results.write(read_evaluation(), per_task(*read_evaluation().systems), folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for name in (results.MARKDOWN, read_results.MARKDOWN):
        (folder / name).unlink()
    assert written.write_again(folder) == written.read(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    (folder / results.JSON).unlink()
    assert written.write_again(folder) == (None, read_evaluation())


@pytest.mark.parametrize("function", [written.read, written.write_again])
def test_a_folder_without_any_is_an_error(tmp_path, function):
    with pytest.raises(InputError, match=r"evaluation\.json is missing"):
        function(tmp_path)
