"""Where the model lies; the wheel is tested in test_wheel.py."""

import importlib.util
import shutil
from pathlib import Path

import pytest

from paper_tasks import paths
from tests import ROOT


def test_in_the_checkout_both_lie_beside_the_package():
    assert (paths.MODEL_DIR, paths.JSON_FILES) == (ROOT / "deployment" / "model", ROOT / "json_files")
    assert (paths.MODEL_DIR / "config.json").is_file() and (paths.JSON_FILES / "task_types_encoded.json").is_file()


@pytest.mark.parametrize(
    ("laid", "model"),
    [
        (["deployment/model"], "deployment/model"),
        (["paper_tasks/model"], "paper_tasks/model"),
        # Whoever unpacks a wheel beside a checkout has asked for the model of the wheel.
        (["deployment/model", "paper_tasks/model"], "paper_tasks/model"),
    ],
    ids=["Space", "wheel", "both"],
)
def test_elsewhere_the_model_is_in_the_package_or_beside_it(tmp_path, laid, model):
    (tmp_path / "paper_tasks").mkdir()
    copy = shutil.copy(Path(paths.__file__), tmp_path / "paper_tasks")
    for folder in laid:
        (tmp_path / folder).mkdir(parents=True)
    spec = importlib.util.spec_from_file_location("copied_paths", copy)
    copied = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copied)
    assert tmp_path / model == copied.MODEL_DIR
