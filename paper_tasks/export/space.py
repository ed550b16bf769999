"""The app as a Hugging Face Space: one folder with all that it needs, tried in a new environment, then uploaded.

The command is `paper-tasks space`.
"""

import ast
import json
import re
import shutil
import subprocess
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from httpx2 import HTTPError, TransportError
from huggingface_hub import HfApi
from huggingface_hub.utils import HFValidationError, validate_repo_id

from paper_tasks.errors import InputError
from paper_tasks.export import local_server
from paper_tasks.io.atomic import write_folder
from paper_tasks.paths import CHECKOUT

# What Hugging Face starts. The app itself is a package beside it.
APP = "app.py"
_START_APP = '"""Starts the app."""\n\nfrom deployment.app import main\n\nmain()\n'
DEPLOYMENT = Path("deployment")
# In `deployment`, but at the top of the Space.
DOCUMENTS = ("README.md", "requirements.txt")
# Files beside modules, which load them.
ASSETS = (".css", ".html", ".j2", ".js", ".svg")
# Imported by a function that the app never calls: it reads Parquet.
SKIPPED = frozenset({"paper_tasks.io.parquet"})
# By this file a Space that may be replaced differs from other folders. It is not uploaded.
MARKER = ".paper-tasks-space"
# The paper by which a Space is tried, and the seconds that its answer may take on a slow machine.
QUESTION = ("Faster pedestrian detection at night", "A detector of pedestrians for thermal cameras.")
ANSWER_SECONDS = 120

_ASK = """
import json, sys
from gradio_client import Client
print(json.dumps(Client(sys.argv[1], verbose=False).predict(sys.argv[2], sys.argv[3], api_name="/tag")))
"""

Tags = list[dict[str, Any]]


def assemble(output: Path, source: Path = CHECKOUT) -> list[str]:
    """Copies the app, the modules it imports, its documents and its model to `output`. An earlier Space is replaced.

    Returns the files' names. Raises InputError, and changes nothing, if a file is missing, or if `output` is neither
    empty nor a Space made by this function.
    """
    target, app = output.resolve(), (source / DEPLOYMENT).resolve()
    if target == app or target in app.parents or app in target.parents:
        raise InputError(f"{output} holds the app itself, or lies in it; name another folder.")
    if output.exists() and not (output / MARKER).is_file() and (not output.is_dir() or any(output.iterdir())):
        raise InputError(f"{output} is not a Space made by this command; name another folder, or remove it.")
    try:
        files = _files(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        with write_folder(target) as partial:
            for name, path in files.items():
                (partial / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, partial / name)
            (partial / APP).write_text(_START_APP, encoding="utf-8")
            (partial / MARKER).write_text("paper-tasks space replaces this folder.\n", encoding="utf-8")
    except (OSError, SyntaxError, ValueError, KeyError) as error:
        raise InputError(f"The Space cannot be put together from {source}: {error}.") from error
    return [APP, *files]


def modules(source: Path, first: str = "deployment.app") -> set[str]:
    """The files of a module and of every module below `source` that it imports, directly or not, without SKIPPED.

    They include the packages of these modules, and the assets in the packages' folders.
    """
    found: set[str] = set()
    waiting = [first]
    while waiting:
        dotted = waiting.pop()
        parts = dotted.split(".")
        waiting += [".".join(parts[:length]) for length in range(1, len(parts))]
        package = source.joinpath(*parts)
        path = package / "__init__.py" if package.is_dir() else package.with_suffix(".py")
        name = str(path.relative_to(source))
        if name in found or dotted in SKIPPED or not path.is_file():
            continue
        found.add(name)
        if package.is_dir():
            found |= {str(file.relative_to(source)) for file in _assets(package)}
        waiting += _imports(path)
    return found


def check(folder: Path) -> Tags:
    """Installs what a Space requires in a new environment, starts it there, and asks it for the tasks of a paper.

    Returns its answer. Raises InputError if any of this fails.
    """
    with tempfile.TemporaryDirectory() as scratch:
        try:
            venv.create(scratch, with_pip=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise InputError(f"There is no environment to try the Space in ({_first_line(error)}).") from error
        python = str(Path(scratch) / "bin" / "python")
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run("its requirements cannot be installed", [*pip, "-r", str(folder / "requirements.txt")])
        return ask(folder, python)


def ask(folder: Path, python: str) -> Tags:
    """Starts a Space by a Python that has what it requires, and asks it. Raises InputError if it does not answer."""
    port = local_server.free_port()
    url = f"http://{local_server.HOST}:{port}/"
    process = local_server.start(
        [APP], folder, python, GRADIO_SERVER_NAME=local_server.HOST, GRADIO_SERVER_PORT=str(port)
    )
    try:
        try:
            local_server.wait_until_up(process, url)
        except InputError as error:
            raise InputError(f"The Space in {folder} does not start; what it printed says why.") from error
        answer: Tags = json.loads(_run("it does not answer", [python, "-c", _ASK, url, *QUESTION], ANSWER_SECONDS))
    finally:
        local_server.stop(process)
    if not answer:
        raise InputError(f"The Space in {folder} does not work: it finds no task of a paper on pedestrian detection.")
    return answer


def check_name(repository: str) -> None:
    """Raises InputError if this cannot be the name of a Space, by the rules of the Hugging Face hub."""
    try:
        validate_repo_id(repository)
    except HFValidationError:
        valid = False
    else:
        # The hub's rules accept a name without a user.
        valid = re.fullmatch(r"[\w.-]+/[\w.-]+", repository, re.ASCII) is not None
    if not valid:
        raise InputError(f"'{repository[:100]}' cannot be the name of a Space; write user/name.")


def push(folder: Path, repository: str, api: HfApi | None = None) -> str:
    """Uploads a Space to the hub as `user/name`, and returns its address; the hub makes the Space if it is new.

    Whoever runs this must be logged in to the hub. Raises InputError if the name is invalid, or if the hub cannot be
    reached or refuses.
    """
    check_name(repository)
    api = api or HfApi()
    try:
        address = api.create_repo(repository, repo_type="space", space_sdk="gradio", exist_ok=True)
        api.upload_folder(
            repo_id=repository,
            folder_path=folder,
            repo_type="space",
            commit_message="From Paper With Tasks",
            ignore_patterns=[MARKER],
            # Files of an earlier upload that this one does not have.
            delete_patterns="*",
        )
    except TransportError as error:
        raise InputError(
            f"The hub cannot be reached ({_first_line(error)}), so {repository} was not uploaded: try again online."
        ) from error
    except (HTTPError, OSError) as error:
        raise InputError(
            f"The hub did not take {repository} ({_first_line(error)}); "
            "are you logged in, by `hf auth login` or HF_TOKEN?"
        ) from error
    return str(address)


def _files(source: Path) -> dict[str, Path]:
    """Name in the Space to the file to copy: documents, modules with their assets, the model, its card and plots."""
    app = source / DEPLOYMENT
    config = json.loads((app / "model" / "config.json").read_text(encoding="utf-8"))
    shown = [path for path in (app / "model" / "README.md", *sorted(app.glob("plots/*.png"))) if path.is_file()]
    model = [app / "model" / name for name in ("config.json", *config["files"])]
    paths = [*(source / name for name in sorted(modules(source))), *model, *shown]
    return {name: app / name for name in DOCUMENTS} | {str(path.relative_to(source)): path for path in paths}


def _imports(path: Path) -> list[str]:
    """The dotted names that a module imports, also within its functions."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            # The name may be a module: from deployment import page.
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return names


def _assets(folder: Path) -> Iterator[Path]:
    """The assets in a folder, and in the folders below it that are not packages, such as `static`."""
    for path in folder.iterdir():
        if path.is_dir() and not (path / "__init__.py").exists():
            yield from _assets(path)
        elif path.suffix in ASSETS:
            yield path


def _first_line(error: Exception) -> str:
    return (str(error).strip() or "no reason given").splitlines()[0]


def _run(problem: str, command: list[str], seconds: float | None = None) -> str:
    """The output of a command. Raises InputError with the problem if it fails, or takes too long."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired as error:
        raise InputError(f"The Space does not work: {problem} within {seconds:g} seconds.") from error
    if done.returncode:
        reason = (done.stderr.strip() or "no reason given").splitlines()[-1]
        raise InputError(f"The Space does not work: {problem} ({reason}).")
    return done.stdout
