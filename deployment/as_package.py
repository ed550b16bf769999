"""In a Space this folder is the whole repository: here its modules become the package `deployment` that they are."""

import sys
from importlib import util
from pathlib import Path


def make_package() -> None:
    """From now on `deployment` is the folder of this file, whatever that is called and wherever it lies."""
    spec = util.spec_from_file_location("deployment", Path(__file__).with_name("__init__.py"))
    sys.modules[spec.name] = util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[spec.name])
