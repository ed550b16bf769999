import warnings

import matplotlib.pyplot as plt
import pytest

from deployment.classifier import ModelError
from paper_tasks import notebook, tables
from paper_tasks.errors import InputError
from tests.paper_tasks import tiny


@pytest.mark.parametrize("error", [InputError, ModelError])
def test_what_a_person_can_mend_is_one_sentence(error):
    with pytest.raises(notebook.StepFailed) as caught, notebook.step("read the table"):
        raise error("x.csv is missing: scrape it.")
    assert str(caught.value) == "Step 'read the table' stopped. x.csv is missing: scrape it."
    assert caught.value._render_traceback_() == [f"StepFailed: {caught.value}"]


def test_anything_else_keeps_its_traceback_and_names_the_step():
    with pytest.raises(ZeroDivisionError) as caught, notebook.step("divide"):
        _ = 1 / 0
    (note,) = caught.value.__notes__
    assert "step 'divide'" in note and "first cell" in note


def test_what_no_notebook_has_written_is_told(tmp_path):
    assert notebook.written_by("01_filter_tasks", tmp_path) == tmp_path
    with pytest.raises(InputError, match="run 01_filter_tasks"):
        notebook.written_by("01_filter_tasks", tmp_path / "csv_files")


def test_first_rows_are_a_table_of_their_own(tmp_path):
    source = tiny.write_papers(tmp_path / "papers.csv", papers=20)
    assert notebook.first_rows(source, None, tmp_path / "out") == source
    path = notebook.first_rows(source, 7, tmp_path / "out")
    assert path.parent == tmp_path / "out" and "papers" in path.name
    assert tables.read_table(path).equals(tables.read_table(source)[:7])
    with pytest.raises(InputError, match="rows is 0"):
        notebook.first_rows(source, 0, tmp_path / "out")


def test_the_sample_is_told_apart_also_when_cut(tmp_path):
    source = tiny.write_papers(tmp_path / "sample_papers.csv", papers=9)
    cut = notebook.first_rows(source, 5, tmp_path)
    assert notebook.caveat(source.name) == notebook.caveat(cut.name) != ""
    assert notebook.caveat("papersWithCode_data.csv") == ""


def test_one_style_with_colours_that_all_can_tell_apart():
    with plt.rc_context(), warnings.catch_warnings():
        notebook.start()
        assert plt.rcParams["axes.prop_cycle"].by_key()["color"][:2] == [notebook.BLUE, notebook.ORANGE]
