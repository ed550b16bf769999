"""The wheel: what is in it, and that it tags a paper in an environment that has nothing else."""

import hashlib
import json
import os
import subprocess
import sys
import venv
from zipfile import ZipFile

import pytest

from tests import ROOT

pytestmark = pytest.mark.slow
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([*PIP, "wheel", ROOT, "--no-deps", "--no-build-isolation", "--wheel-dir", folder], check=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def programs(wheel, tmp_path_factory):
    """The folder of programs of an environment in which only the wheel, and what it requires, is installed."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder)
    subprocess.run([*PIP, "--python", folder / "bin" / "python", "install", wheel], check=True)
    return folder / "bin"


@pytest.fixture
def run(programs, tmp_path, monkeypatch):
    """Runs a program of that environment in an empty folder, without what the environment of the tests adds."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(programs) + os.pathsep + os.environ["PATH"])
    for name in ("PYTHONPATH", "VIRTUAL_ENV"):
        monkeypatch.delenv(name, raising=False)

    def run(program, *arguments):
        return subprocess.run([programs / program, *arguments], capture_output=True, text=True, timeout=120)

    return run


def test_it_holds_the_library_the_model_and_the_tasks(wheel):
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        checksums = {name: hashlib.sha256(archive.read(name)).hexdigest() for name in names if "/model/" in name}
    assert {name.split("/")[0] for name in names} == {"paper_tasks", f"{'-'.join(wheel.name.split('-')[:2])}.dist-info"}
    model = ROOT / "deployment" / "model"
    shipped = {path.relative_to(model).as_posix() for path in model.rglob("*") if path.is_file()}
    assert checksums == {
        f"paper_tasks/model/{name}": hashlib.sha256((model / name).read_bytes()).hexdigest() for name in shipped
    }
    assert {f"paper_tasks/json_files/{path.name}" for path in (ROOT / "json_files").iterdir()} <= set(names)
    library = {path.relative_to(ROOT).as_posix() for path in (ROOT / "paper_tasks").rglob("*.*")}
    assert {name for name in library if "__pycache__" not in name} <= set(names)
    assert wheel.stat().st_size < 35e6


def test_an_empty_environment_tags_a_paper(run):
    title, abstract = "Faster pedestrian detection", "A detector for thermal cameras."
    done = run("paper-tasks", "tag", "--title", title, "--abstract", abstract, "--json")
    assert done.returncode == 0, done.stderr
    tags = json.loads(done.stdout)["tasks"]
    assert "Pedestrian Detection" in [tag["task"] for tag in tags]
    script = (
        "from paper_tasks import TaskClassifier\n"
        f"tags = TaskClassifier.load().predict([({title!r}, {abstract!r})])[0]\n"
        "print([[tag.task, round(tag.probability, 4)] for tag in tags])"
    )
    done = run("python", "-c", script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str([[tag["task"], tag["probability"]] for tag in tags])


def test_an_empty_environment_tags_a_table(run, tmp_path):
    (tmp_path / "papers.csv").write_text("title\nImage captioning\n", encoding="utf-8")
    done = run("paper-tasks", "tag", "papers.csv", "--output", "tagged.jsonl")
    assert done.returncode == 0, done.stderr
    assert "Image Captioning" in (tmp_path / "tagged.jsonl").read_text(encoding="utf-8")


@pytest.mark.parametrize("arguments", [["space"], ["bench-load", "web"]])
def test_a_command_that_needs_the_apps_says_so(run, arguments):
    done = run("paper-tasks", *arguments)
    assert done.returncode == 2
    assert (
        done.stderr
        == "error: This command needs the apps, which are not installed; run it in a clone of the project.\n"
    )


@pytest.mark.parametrize(
    "arguments, extra",
    [
        (["tag", "papers.csv", "--output", "tagged.parquet"], "parquet"),
        (["tag", "papers", "--output", "tagged", "--engine", "ray"], "parquet"),
        (["match", "papers.csv", "--output", "matched.csv"], "train"),
        (["label", "papers.csv", "--output", "labelled.jsonl"], "label"),
        (["train"], "train"),
        (["evaluate"], "train"),
    ],
)
def test_a_command_that_needs_more_says_which_extra_has_it(run, tmp_path, arguments, extra):
    (tmp_path / "papers.csv").write_text("title\nImage captioning\n", encoding="utf-8")
    done = run("paper-tasks", *arguments)
    assert done.returncode == 2
    assert f'run `pip install "from-paper-with-tasks[{extra}]"`' in done.stderr
    assert done.stderr.count("\n") == 1
