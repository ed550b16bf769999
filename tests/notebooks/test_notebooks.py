"""The notebooks run one after the other, small, each in a fresh kernel; git has no outputs of them."""

import csv
import re
import tomllib

import nbformat
import papermill
import pytest
from papermill.exceptions import PapermillExecutionError

from tests import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SAMPLE = ROOT / "csv_files" / "sample_papers.csv"
REPOSITORY = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]
SMALL = {
    "01_filter_tasks": {"papers_path": str(SAMPLE)},
    "02_finetune": {"backbone": "minilm", "budget_minutes": 0.3, "lr_find_steps": 15, "dev_papers": 20},
    "03_export_quantize": {"rows": 30},
    "04_evaluate": {},
}
PLOTS = {"01_filter_tasks": 6, "02_finetune": 2, "03_export_quantize": 2, "04_evaluate": 4}


def code_cells(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def run(name, folder, **parameters):
    """The executed notebook's outputs; its files go below `folder`."""
    source, target = ROOT / "notebooks" / f"{name}.ipynb", folder / f"{name}.ipynb"
    parameters = {"output_folder": str(folder)} | parameters
    papermill.execute_notebook(source, target, parameters, cwd=source.parent, progress_bar=False)
    return [output for cell in code_cells(target) for output in cell.outputs]


def plots(outputs):
    return sum("image/png" in output.get("data", {}) for output in outputs)


def files():
    """Every file of the working copy but Python's caches, with its time of change."""
    folders = ("csv_files", "json_files", "notebooks", "deployment", "models", "results", "build")
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*") if "__pycache__" not in path.parts]
    return {path: path.stat().st_mtime_ns for path in paths if path.is_file()}


def test_the_four_are_there_and_in_the_documents():
    assert [path.stem for path in NOTEBOOKS] == list(SMALL)
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    assert all(f"](../notebooks/{path.name})" in page for path in NOTEBOOKS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_outputs_are_kept(path):
    assert all(not cell.outputs and cell.execution_count is None for cell in code_cells(path))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_one_parameters_cell_before_all_others_and_the_same_start(path):
    parameters, *start = code_cells(path)[:3]
    assert parameters.metadata["tags"] == ["parameters"] and "output_folder = " in parameters.source
    assert not any("parameters" in cell.metadata.get("tags", []) for cell in code_cells(path)[1:])
    assert [cell.source for cell in start] == [cell.source for cell in code_cells(NOTEBOOKS[0])[1:3]]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_opens_in_colab_and_fetches_this_repository(path):
    text = path.read_text(encoding="utf-8")
    owner_and_name = REPOSITORY.removeprefix("https://github.com/")
    badge = f"https://colab.research.google.com/github/{owner_and_name}/blob/main/notebooks/{path.name}"
    assert f"]({badge})" in text and f"git clone --depth 1 {REPOSITORY}.git" in text
    assert set(re.findall(r"github(?:\.com)?/([\w-]+/[\w-]+)", text)) == {owner_and_name}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_absolute_paths(path):
    assert not re.search(r"""["'](/|~|[A-Z]:\\|file:)""", "\n".join(cell.source for cell in code_cells(path)))


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The outputs of all four by name, the folder they wrote to, and the working copy's files before and after."""
    folder, before = tmp_path_factory.mktemp("notebooks"), files()
    return {name: run(name, folder, **small) for name, small in SMALL.items()}, folder, before, files()


@pytest.mark.slow
def test_all_four_run_in_sequence(executed):
    outputs, folder, _, _ = executed
    assert {name: plots(found) for name, found in outputs.items()} == PLOTS
    assert {path.name for path in folder.iterdir() if path.is_dir()} == {
        *("csv_files", "json_files", "model", "deployment", "results", "scores")
    }


@pytest.mark.slow
def test_they_write_below_the_output_folder_alone(executed):
    _, _, before, after = executed
    assert before == after


@pytest.mark.slow
def test_they_say_that_the_sample_measures_nothing(executed):
    for name, outputs in executed[0].items():
        said = [output.get("data", {}).get("text/markdown", "") for output in outputs]
        assert any("not how good a model is" in text for text in said), name


@pytest.mark.slow
def test_the_originals_table_works_as_it_is(tmp_path):
    source = tmp_path / "papersWithCode_data.csv"
    with source.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["index", "URLs", "title", "abstract", "datasets_used", "dataset_links", "methods", "tasks"])
        for row in range(80):
            tasks = ["Object Detection", f"Task {row % 4}"] if row % 9 else []
            writer.writerow([row, f"/paper/{row}", f"Study {row}", f"We detect {row}.", [], [], ["ResNet"], tasks])
    outputs = run("01_filter_tasks", tmp_path, papers_path=str(source))
    assert plots(outputs) == PLOTS["01_filter_tasks"]
    assert any("the column 'tasks'" in output.get("data", {}).get("text/plain", "") for output in outputs)
    assert not any("not how good" in output.get("data", {}).get("text/markdown", "") for output in outputs)


@pytest.mark.slow
def test_a_failure_names_the_step_and_what_to_do(tmp_path):
    with pytest.raises(PapermillExecutionError) as caught:
        run("04_evaluate", tmp_path)
    assert caught.value.ename == "StepFailed"
    assert caught.value.evalue.startswith("Step 'find the data of notebook 1 and the model of notebook 3' stopped. ")
    assert "run 01_filter_tasks.ipynb first" in caught.value.evalue
