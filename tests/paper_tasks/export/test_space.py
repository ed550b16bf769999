import json
import re
import sys
from pathlib import Path

import httpx2
import pytest

from paper_tasks import cli
from paper_tasks.errors import InputError
from paper_tasks.export import space
from tests import ROOT


@pytest.fixture
def source(tmp_path):
    """A small checkout: modules that are imported, and one of each kind that is not."""
    folder = tmp_path / "checkout"
    texts = {
        "deployment/__init__.py": "",
        "deployment/app.py": "import json\nfrom deployment import TITLE, page\nimport library.words",
        "deployment/page.py": "from library.deep import inner",
        "deployment/page.css": "body {}",
        "deployment/static/icon.svg": "<svg/>",
        "deployment/other.py": "",
        "deployment/README.md": "# Space",
        "deployment/requirements.txt": "",
        "deployment/model/config.json": json.dumps({"files": {"tasks.onnx": ""}}),
        "deployment/model/tasks.onnx": "onnx",
        "deployment/model/rest.bin": "",
        "library/__init__.py": "",
        "library/words.py": "WORDS = []",
        "library/training.py": "",
        "library/deep/__init__.py": "",
        "library/deep/inner.py": "def read():\n    from paper_tasks.io import parquet",
        "paper_tasks/io/__init__.py": "",
        "paper_tasks/io/parquet.py": "import pyarrow",
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


SMALL = [
    *("app.py", "README.md", "requirements.txt"),
    *("deployment/__init__.py", "deployment/app.py", "deployment/page.css", "deployment/page.py"),
    "deployment/static/icon.svg",
    *("library/__init__.py", "library/deep/__init__.py", "library/deep/inner.py", "library/words.py"),
    "paper_tasks/io/__init__.py",
    *("deployment/model/config.json", "deployment/model/tasks.onnx"),
]


def test_what_a_space_needs_and_nothing_else(source, tmp_path):
    output = tmp_path / "build" / "space"
    for _ in range(2):
        assert space.assemble(output, source) == SMALL
        found = {str(path.relative_to(output)) for path in output.rglob("*") if path.is_file()}
        assert found == {*SMALL, space.MARKER}
        (output / "left.txt").write_text("of an earlier time", encoding="utf-8")


@pytest.mark.parametrize("name", ["photo.jpg", "app.py", ".git/HEAD"])
def test_another_folder_is_not_overwritten(source, tmp_path, name):
    """Nor another app, nor the clone of a Space."""
    (tmp_path / "mine" / name).parent.mkdir(parents=True)
    (tmp_path / "mine" / name).write_text("dear", encoding="utf-8")
    for output in (tmp_path / "mine", tmp_path / "mine" / name):
        with pytest.raises(InputError, match="is not a Space made by this command"):
            space.assemble(output, source)
    assert (tmp_path / "mine" / name).read_text(encoding="utf-8") == "dear"


@pytest.mark.parametrize("output", ["checkout/deployment", "checkout/deployment/space", "."])
def test_the_app_itself_is_not_overwritten(source, tmp_path, output):
    with pytest.raises(InputError, match="holds the app itself, or lies in it"):
        space.assemble(tmp_path / output, source)
    assert (source / "deployment" / "app.py").is_file()


def test_a_failure_keeps_the_earlier_space(source, tmp_path):
    space.assemble(tmp_path / "space", source)
    (source / "deployment" / "page.py").unlink()
    (source / "deployment" / "model" / "tasks.onnx").unlink()
    with pytest.raises(InputError):
        space.assemble(tmp_path / "space", source)
    assert (tmp_path / "space" / "deployment" / "page.py").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkout", "space"]


@pytest.mark.parametrize("name", ["model/tasks.onnx", "model/config.json", "requirements.txt", "README.md"])
def test_a_missing_file_is_reported(source, tmp_path, name):
    (source / "deployment" / name).unlink()
    with pytest.raises(InputError, match=Path(name).name):
        space.assemble(tmp_path / "space", source)


def test_the_real_one_has_its_modules_and_model(tmp_path):
    files = space.assemble(tmp_path / "space")
    assert {"app.py", "README.md", "deployment/app.py", "paper_tasks/tagger/classifier.py"} <= set(files)
    assert {"deployment/model/README.md", "deployment/plots/recall.png"} <= set(files)
    assert not any("flask_app" in name or "training" in name or "parquet" in name for name in files)
    assert {"deployment/gradio_app/page.css", "deployment/gradio_app/about.md.j2"} <= set(files)
    assert sum((tmp_path / "space" / name).stat().st_size for name in files) < 31_000_000


@pytest.mark.slow
def test_it_starts_and_answers(tmp_path):
    """In this environment; `make space` installs a new one."""
    space.assemble(tmp_path / "space")
    answer = space.ask(tmp_path / "space", sys.executable)
    assert "Pedestrian Detection" in [tag["task"] for tag in answer]


def test_a_space_that_does_not_start_is_reported(source, tmp_path):
    space.assemble(tmp_path / "space", source)
    with pytest.raises(InputError, match="does not start"):
        space.ask(tmp_path / "space", sys.executable)


class Hub:
    """What `push` asks of huggingface_hub.HfApi."""

    def __init__(self, error=None):
        self.asked, self._error = [], error

    def create_repo(self, *names, **options):
        self.asked.append(("create_repo", names, options))
        return "https://huggingface.co/spaces/ann/tasks"

    def upload_folder(self, **options):
        if self._error:
            raise self._error
        self.asked.append(("upload_folder", (), options))


def test_push_makes_a_gradio_space_and_uploads_the_folder(tmp_path):
    hub = Hub()
    assert space.push(tmp_path, "ann/tasks", hub) == "https://huggingface.co/spaces/ann/tasks"
    (made, names, options), (uploaded, _, upload) = hub.asked
    assert (made, names) == ("create_repo", ("ann/tasks",)) and uploaded == "upload_folder"
    assert options == {"repo_type": "space", "space_sdk": "gradio", "exist_ok": True}
    assert upload["folder_path"] == tmp_path and upload["repo_id"] == "ann/tasks" and upload["repo_type"] == "space"
    assert upload["delete_patterns"] == "*"


@pytest.mark.parametrize("error", [httpx2.ConnectError("no route\nto it"), httpx2.ReadTimeout("")])
def test_a_hub_that_is_not_reached_is_reported_in_a_sentence(tmp_path, error):
    with pytest.raises(InputError, match=r"cannot be reached.*ann/tasks was not uploaded") as caught:
        space.push(tmp_path, "ann/tasks", Hub(error))
    assert "\n" not in str(caught.value) and "logged in" not in str(caught.value)


@pytest.mark.parametrize("error", [httpx2.HTTPError("403\nForbidden"), OSError("401 Client Error"), OSError()])
def test_a_hub_that_refuses_is_reported_in_a_sentence(tmp_path, error):
    with pytest.raises(InputError, match="did not take ann/tasks") as caught:
        space.push(tmp_path, "ann/tasks", Hub(error))
    assert "\n" not in str(caught.value)


INVALID_NAMES = [
    "",
    "tasks",
    "ann/",
    "ann/a b",
    "ann/a--b",
    "ann/.a",
    "https://huggingface.co/ann/tasks",
    "ann/tasks/x",
]


@pytest.mark.parametrize("name", INVALID_NAMES)
def test_an_invalid_name_is_refused_before_anything_is_asked(tmp_path, name, run_main):
    hub = Hub()
    with pytest.raises(InputError, match="write user/name"):
        space.push(tmp_path, name, hub)
    assert hub.asked == []
    done = run_main(cli.main, "space", tmp_path / "space", "--push", name)
    assert done.returncode == 2 and "write user/name" in done.stderr
    assert not (tmp_path / "space").exists(), "reported before the Space is put together and tried"


def test_the_command_line_reports_a_failure_in_a_sentence(tmp_path, run_main):
    (tmp_path / "photo.jpg").write_text("", encoding="utf-8")
    done = run_main(cli.main, "space", tmp_path)
    assert done.returncode == 2 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1


def test_the_command_line_tries_the_space_and_uploads_it(tmp_path, run_main, monkeypatch):
    uploaded = []
    monkeypatch.setattr(space, "check", lambda folder: [{"task": "Pedestrian Detection", "probability": 0.987}])
    monkeypatch.setattr(space, "push", lambda folder, name: uploaded.append((folder, name)) or "https://hub/ann/tasks")
    done = run_main(cli.main, "space", tmp_path / "space", "--push", "ann/tasks")
    assert done.returncode == 0 and "is about Pedestrian Detection (99%)" in done.stdout
    assert "Uploaded: https://hub/ann/tasks" in done.stdout and uploaded == [(tmp_path / "space", "ann/tasks")]
    assert (tmp_path / "space" / space.APP).is_file()


def front_matter():
    text = (ROOT / "deployment" / "README.md").read_text(encoding="utf-8")
    block = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)[1]
    return dict(re.fullmatch(r'(\w+): "?(.*?)"?', line).groups() for line in block.splitlines())


def test_the_front_matter_is_that_of_a_space():
    # huggingface.co/docs/hub/spaces-config-reference
    fields = front_matter()
    colors = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert fields["sdk"] == "gradio" and fields["app_file"] == space.APP and fields["license"] == "mit"
    assert {fields["colorFrom"], fields["colorTo"]} <= colors
    assert fields["title"] and fields["emoji"] and len(fields["short_description"]) <= 60


def test_versions_agree():
    fields = front_matter()
    requirements = (ROOT / "deployment" / "requirements.txt").read_text(encoding="utf-8")
    assert re.search(r"^gradio==(\S+)$", requirements, re.MULTILINE)[1] == fields["sdk_version"]
    assert f">={fields['python_version']}" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
