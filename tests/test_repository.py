"""What holds for the repository as a whole: its layout, its requirements, what it must not contain."""

import re
import subprocess

from tests import ROOT

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
    return dict(re.findall(r"\b([\w.-]+)==([\w.]+)", read(name)))


def test_layout():
    assert {file.split("/")[0] for file in FILES} >= FOLDERS | {"requirements.txt", "README.md", "LICENSE"}


def test_requirements_pin_the_packages():
    assert (pins("requirements.txt") | pins("deployment/requirements.txt")).keys() >= PACKAGES
    assert all(package in read("requirements.txt") for package in PACKAGES)


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
    assert {file for file in FILES if file.startswith("csv_files/")} <= {
        "csv_files/README.md",
        "csv_files/sample_papers.csv",
    }
