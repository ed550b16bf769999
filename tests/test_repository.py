"""What holds for the repository as a whole: its layout, its requirements, what it must not contain."""

import re
import subprocess
import tomllib
from importlib.metadata import packages_distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from paper_tasks.entry import EXTRAS, ONLY_IN_A_CHECKOUT
from tests import ROOT
from tests.test_layers import foreign_packages, reachable

# Every file that git knows or would add: what a clone has.
LIST = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
FILES = subprocess.run(LIST, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
FOLDERS = {"scrapers", "csv_files", "json_files", "notebooks", "deployment", "tests", "paper_tasks"}
PACKAGES = {
    *("requests", "beautifulsoup4", "pandas", "fastai", "ohmeow-blurr"),
    *("transformers", "torch", "onnx", "onnxruntime", "gradio"),
}


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def pins(name):
    return dict(re.findall(r"\b([\w.-]+)(?:\[[\w,]+\])?==([\w.]+)", read(name)))


def pins_by_file():
    files = ["requirements.txt", "requirements-ray.txt", "requirements/test.txt", "requirements/without-training.txt"]
    files += ["deployment/requirements.txt", "deployment/requirements-web.txt"]
    return {file: {canonicalize_name(name): version for name, version in pins(file).items()} for file in files}


def all_pins():
    return {name: version for pinned in pins_by_file().values() for name, version in pinned.items()}


def test_a_package_has_the_same_version_in_all_files():
    for file, pinned in pins_by_file().items():
        assert pinned.items() <= all_pins().items(), file


def test_layout():
    assert {file.split("/")[0] for file in FILES} >= FOLDERS | {"requirements.txt", "README.md", "LICENSE"}


def test_requirements_pin_the_packages():
    assert all_pins().keys() >= PACKAGES
    assert all(package in read("requirements.txt") for package in PACKAGES)


def project_requirements():
    """Requirements of the wheel by the name of the extra, "" for those of tagging."""
    project = tomllib.loads(read("pyproject.toml"))["project"]
    extras = {"": project["dependencies"]} | project["optional-dependencies"]
    found = {name: [*map(Requirement, requirements)] for name, requirements in extras.items()}
    return {name: [one for one in found[name] if one.name != project["name"]] for name in found}


def test_the_pinned_versions_lie_in_the_ranges_of_the_wheel():
    pinned = all_pins()
    for requirements in project_requirements().values():
        for requirement in requirements:
            assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), requirement


def test_each_package_that_the_library_imports_is_required_by_the_wheel_or_an_extra():
    extras = project_requirements()
    required = {canonicalize_name(one.name) for name in extras for one in extras[name] if name != "dev"}
    distributions = packages_distributions()
    # Annif has its own environment. Only apps and scrapers read Atom, by defusedxml. Required packages bring the rest.
    elsewhere = {"annif", "omikuji", "defusedxml", "httpx2", "joblib", "cycler", *ONLY_IN_A_CHECKOUT}
    for module in foreign_packages(reachable("paper_tasks")) - elsewhere:
        assert set(map(canonicalize_name, distributions[module])) & required, module


def test_a_missing_package_is_reported_with_an_extra_that_has_it():
    extras = project_requirements()
    for module, extra in EXTRAS.items():
        assert module in {one.name for one in extras[extra]}


def test_relaxed_wheels_are_the_releases_that_requirements_tell():
    folders = re.findall(r"^\./(requirements/(\S+))\s", read("requirements.txt"), re.MULTILINE)
    assert len(folders) == 3
    for folder, package in folders:
        release = f"{package}=={pins('requirements.txt')[package]}"
        assert f'release = "{release}"' in read(f"{folder}/pyproject.toml")


def test_the_app_needs_no_training_framework():
    assert pins("deployment/requirements.txt").keys().isdisjoint({"torch", "transformers", "fastai", "ohmeow-blurr"})


def test_no_pickles_and_no_data_sets():
    bad = (".pkl", ".pickle", ".pt", ".pth", ".joblib", ".npy", ".xz", ".gz", ".parquet", ".safetensors")
    assert [file for file in FILES if file.endswith(bad)] == []
    labels = {f"read_labels/{name}.jsonl" for name in ("train", "dev", "test", "modern_dev", "modern_test")}
    labels |= {"read_labels/README.md", "read_labels/GUIDELINE.md"}
    labels |= {"invented_papers/README.md", "invented_papers/train.jsonl"}
    assert {file for file in FILES if file.startswith("csv_files/")} <= {
        f"csv_files/{name}" for name in {"README.md", "sample_papers.csv"} | labels
    }
