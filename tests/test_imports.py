"""Every module can be imported: a missing package or a renamed function shows here, whatever other tests load."""

import importlib

import pytest

from tests.test_layers import in_folder

MODULES = [name for name in in_folder("paper_tasks", "deployment", "scrapers", "tools") if "__main__" not in name]


@pytest.mark.parametrize("name", MODULES)
def test_import(name):
    importlib.import_module(name)
