"""Each notebook runs from top to bottom in a fresh kernel, on little data, and is kept without outputs."""

from pathlib import Path

import nbformat
import papermill
import pytest

from tests.paper_tasks import tiny

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_no_outputs_are_kept(path):
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in cells)
    assert sum("parameters" in cell.metadata.get("tags", []) for cell in cells) == 1


@pytest.mark.slow
def test_filter_tasks(tmp_path):
    parameters = {
        "papers_path": str(tiny.write_papers(tmp_path / "papers.csv", papers=400)),
        "output_folder": str(tmp_path / "prepared"),
        "min_papers": 10,
    }
    source, target = NOTEBOOKS / "01_filter_tasks.ipynb", tmp_path / "run.ipynb"
    papermill.execute_notebook(source, target, parameters, cwd=NOTEBOOKS, progress_bar=False)
    assert (tmp_path / "prepared" / "labels.json").exists()
    outputs = [output for cell in nbformat.read(target, 4).cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 3
