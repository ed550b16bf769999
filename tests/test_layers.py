"""Which module may import which, read from the source: imports inside functions count, too."""

import ast
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter

import pytest

from tests import ROOT

# From the bottom up: a module imports from its own layer, or from one below.
LAYERS = [
    {"errors", "paths", "options", "entry"},
    {"tagger"},
    {"io"},
    {"data"},
    {"modeling"},
    {"export"},
    {"training"},
    {"evaluation"},
    {"tagging", "labelling", "benchmark", "notebooks"},
    {"cli", "commands", "__main__"},
]
LEVEL = {f"paper_tasks.{name}": level for level, names in enumerate(LAYERS) for name in names}
# What the programs beside the library may import of it.
OPEN_TO = {
    "deployment": {"deployment", *(f"paper_tasks.{name}" for name in ("errors", "paths", "tagger", "io"))},
    "scrapers": {"scrapers", *(f"paper_tasks.{name}" for name in ("errors", "paths", "options", "io"))},
}
TRAINING_PACKAGES = {
    *("torch", "transformers", "safetensors", "fastai", "blurr", "datasets", "onnx"),
    *("sklearn", "scipy", "iterstrat", "ahocorasick", "matplotlib"),
}
RUNTIME_PACKAGES = {"numpy", "onnxruntime", "tokenizers"}
FOLDERS = ("paper_tasks", "deployment", "scrapers", "tools", "tests")


@cache
def modules():
    """Dotted name of each module of the repository to its file."""
    found = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports(module):
    """What a module imports, by dotted names: modules of the repository in full, others as they are written."""
    found = set()
    for node in ast.walk(ast.parse(modules()[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, f"{module}, line {node.lineno}: write the import in full"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            inner = names & modules().keys()
            found |= inner | ({node.module} if inner < names else set())
    return frozenset(found)


def own_imports(module):
    return sorted(imports(module) & modules().keys())


def in_folder(*names):
    return [module for module in modules() if module in names or module.startswith(tuple(f"{n}." for n in names))]


def reachable(*folders):
    """All modules of the repository that those in the folders import, directly or not."""
    found, waiting = set(), in_folder(*folders)
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += own_imports(module)
    return found


def foreign_packages(found):
    """Packages that are imported, but are neither Python's nor ours."""
    names = {name.partition(".")[0] for module in found for name in imports(module)}
    return names - set(sys.stdlib_module_names) - set(FOLDERS) - {"__future__"}


def folder_of(module):
    return ".".join(module.split(".")[:2])


def test_each_module_of_the_library_has_a_layer():
    assert {folder_of(module) for module in in_folder("paper_tasks")} - {"paper_tasks"} <= LEVEL.keys()


def test_a_module_imports_from_its_own_layer_or_from_below():
    wrong = {
        f"{module} imports {other}"
        for module in in_folder("paper_tasks")
        if module != "paper_tasks"
        for other in own_imports(module)
        if other.startswith("paper_tasks.") and LEVEL[folder_of(other)] > LEVEL[folder_of(module)]
    }
    assert wrong == set()


def test_no_module_imports_itself_by_way_of_others():
    circle = []
    try:
        TopologicalSorter({module: own_imports(module) for module in in_folder("paper_tasks", *OPEN_TO)}).prepare()
    except CycleError as error:
        circle = error.args[1]
    assert circle == []


@pytest.mark.parametrize("program", OPEN_TO)
def test_a_program_imports_only_the_lower_layers_of_the_library(program):
    wrong = [
        f"{module} imports {other}"
        for module in in_folder(program)
        for other in own_imports(module)
        if not {other.partition(".")[0], folder_of(other)} & OPEN_TO[program]
    ]
    assert wrong == []


def test_the_library_imports_no_program_no_tool_and_no_test():
    wrong = {
        f"{module} imports {other}"
        for module in in_folder("paper_tasks")
        for other in own_imports(module)
        if not other.startswith("paper_tasks")
    }
    assert wrong == set()
    assert not {name for module in in_folder("deployment", "scrapers") for name in own_imports(module)} & {
        *in_folder("tests", "tools")
    }


def test_the_runtime_needs_three_packages():
    assert foreign_packages(reachable("paper_tasks.tagger")) <= RUNTIME_PACKAGES


@pytest.mark.parametrize("folder", ["paper_tasks.tagging", "paper_tasks.io", "deployment", "scrapers"])
def test_what_ships_needs_no_package_of_the_training(folder):
    assert foreign_packages(reachable(folder)) & TRAINING_PACKAGES == set()
