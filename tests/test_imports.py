"""Every module can be imported: a missing package or a renamed function shows here, whatever other tests load.

Without torch, as on the Pythons that only what ships supports, modules that need it are skipped.
"""

import importlib
from importlib.util import find_spec

import pytest

from tests.test_layers import TRAINING_PACKAGES, foreign_packages, in_folder, reachable

MODULES = [name for name in in_folder("paper_tasks", "deployment", "scrapers", "tools") if "__main__" not in name]


@pytest.mark.parametrize("name", MODULES)
def test_import(name):
    missing = {
        package for package in TRAINING_PACKAGES & foreign_packages(reachable(name)) if find_spec(package) is None
    }
    if missing and find_spec("torch") is None:
        pytest.skip(f"a training needs it, and this environment has no {', '.join(sorted(missing))}")
    importlib.import_module(name)
