import warnings

import matplotlib.pyplot as plt
import pytest

from paper_tasks.errors import InputError, ModelError
from paper_tasks.evaluation.palette import BLUE, ORANGE
from paper_tasks.io import tables
from paper_tasks.notebooks import helpers
from tests.paper_tasks import tiny


@pytest.mark.parametrize("error", [InputError, ModelError])
def test_a_wrong_input_is_one_sentence(error):
    with pytest.raises(helpers.StepFailed) as caught, helpers.step("read the table"):
        raise error("x.csv is missing: scrape it.")
    assert str(caught.value) == "Step 'read the table' stopped. x.csv is missing: scrape it."
    assert caught.value._render_traceback_() == [f"StepFailed: {caught.value}"]


def test_anything_else_keeps_its_traceback_and_names_the_step():
    with pytest.raises(ZeroDivisionError) as caught, helpers.step("divide"):
        _ = 1 / 0
    (note,) = caught.value.__notes__
    assert "step 'divide'" in note and "first cell" in note


def test_a_folder_that_no_notebook_wrote_is_an_error(tmp_path):
    assert helpers.written_by("01_filter_tasks", tmp_path) == tmp_path
    with pytest.raises(InputError, match="run 01_filter_tasks"):
        helpers.written_by("01_filter_tasks", tmp_path / "csv_files")


def test_first_rows_are_a_new_table(tmp_path):
    source = tiny.write_papers(tmp_path / "papers.csv", papers=20)
    assert helpers.first_rows(source, None, tmp_path / "out") == source
    path = helpers.first_rows(source, 7, tmp_path / "out")
    assert path.parent == tmp_path / "out" and "papers" in path.name
    assert tables.read_table(path).equals(tables.read_table(source)[:7])
    with pytest.raises(InputError, match="rows is 0"):
        helpers.first_rows(source, 0, tmp_path / "out")


def test_the_sample_is_recognized_also_when_cut(tmp_path):
    source = tiny.write_papers(tmp_path / "sample_papers.csv", papers=9)
    cut = helpers.first_rows(source, 5, tmp_path)
    assert helpers.caveat(source.name) == helpers.caveat(cut.name) != ""
    assert helpers.caveat("papersWithCode_data.csv") == ""


def test_all_plots_have_the_palette():
    with plt.rc_context(), warnings.catch_warnings():
        helpers.start()
        assert plt.rcParams["axes.prop_cycle"].by_key()["color"][:2] == [BLUE, ORANGE]
