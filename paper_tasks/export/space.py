"""The app as a Hugging Face Space: one folder with all that it needs, tried in an environment of its own, uploaded.

`python -m paper_tasks.export.space build/space [--push user/name]`; `make space` and `make space-push` are these.
"""

import argparse
import ast
import json
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path

from httpx2 import HTTPError, TransportError
from huggingface_hub import HfApi
from huggingface_hub.utils import HFValidationError, validate_repo_id

from paper_tasks.errors import InputError
from paper_tasks.export import local_server
from paper_tasks.io.atomic import write_folder
from paper_tasks.paths import CHECKOUT

APP = "app.py"
# What a Space starts; the app's own package lies beside it.
_START_APP = '"""Starts the app."""\n\nfrom deployment.app import main\n\nmain()\n'
DEPLOYMENT = Path("deployment")
# Tells an earlier Space from what may not be removed; it stays at home.
MARKER = ".paper-tasks-space"
# Seconds that an answer may take on a slow machine.
ANSWER = 120
# From the app's folder to the top of the Space.
DOCUMENTS = ("README.md", "requirements.txt")
# Files that modules load from their own folders.
ASSETS = (".css", ".html", ".j2", ".js", ".svg")
QUESTION = ("Faster pedestrian detection at night", "A detector of pedestrians for thermal cameras.")

_ASK = """
import json, sys
from gradio_client import Client
print(json.dumps(Client(sys.argv[1], verbose=False).predict(sys.argv[2], sys.argv[3], api_name="/tag")))
"""


def assemble(output: Path, source: Path = CHECKOUT) -> list[str]:
    """Copies the app, the modules it imports, its documents and its model to `output`, in place of the Space there.

    Returns the files' names. Raises InputError if one is missing, or `output` is something else than an earlier Space;
    then nothing is changed.
    """
    target, app = output.resolve(), (source / DEPLOYMENT).resolve()
    if target == app or target in app.parents or app in target.parents:
        raise InputError(f"{output} holds the app itself, or lies in it; name another folder.")
    if output.exists() and not (output / MARKER).is_file() and (not output.is_dir() or any(output.iterdir())):
        raise InputError(f"{output} is no Space made by this command; name another folder, or remove it.")
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


def _files(source: Path) -> dict[str, Path]:
    """Name in the Space to the file to copy: documents, modules with their assets, the model, its card and plots."""
    app = source / DEPLOYMENT
    config = json.loads((app / "model" / "config.json").read_text(encoding="utf-8"))
    shown = [path for path in (app / "model" / "README.md", *sorted(app.glob("plots/*.png"))) if path.is_file()]
    model = [app / "model" / name for name in ("config.json", *config["files"])]
    paths = [*(source / name for name in sorted(modules(source))), *model, *shown]
    return {name: app / name for name in DOCUMENTS} | {str(path.relative_to(source)): path for path in paths}


def modules(source: Path, first: str = "deployment.app") -> set[str]:
    """The files of a module and of all modules below `source` that it imports, directly or not; with their packages,
    and the style sheets, scripts and pages that lie in these.
    """
    found: set[str] = set()
    waiting = [first]
    while waiting:
        dotted = waiting.pop()
        parts = dotted.split(".")
        waiting += [".".join(parts[:length]) for length in range(1, len(parts))]
        module, package = source.joinpath(*parts).with_suffix(".py"), source.joinpath(*parts)
        path = package / "__init__.py" if package.is_dir() else module
        name = str(path.relative_to(source))
        if name in found or not path.is_file():
            continue
        found.add(name)
        if package.is_dir():
            found |= {str(file.relative_to(source)) for file in _assets(package)}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                # The name may be a module too: from deployment import page.
                waiting += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Import):
                waiting += [alias.name for alias in node.names]
    return found


def _assets(folder: Path) -> Iterator[Path]:
    """The assets in a folder, and in the folders below it that are no packages, such as `static`."""
    for path in folder.iterdir():
        if path.is_dir() and not (path / "__init__.py").exists():
            yield from _assets(path)
        elif path.suffix in ASSETS:
            yield path


def check(folder: Path) -> list[dict]:
    """Installs a Space's requirements in a new environment, starts it there, and asks it for the tasks of a paper.

    Returns its answer. Raises InputError if any of this fails.
    """
    with tempfile.TemporaryDirectory() as scratch:
        try:
            venv.create(scratch, with_pip=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise InputError(f"No environment to try the Space in can be made ({_first_line(error)}).") from error
        python = str(Path(scratch) / "bin" / "python")
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run("its requirements cannot be installed", [*pip, "-r", str(folder / "requirements.txt")])
        return ask(folder, python)


def ask(folder: Path, python: str) -> list[dict]:
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
            raise InputError(f"{folder} is no Space that works: it does not start.") from error
        answer = json.loads(_run("it does not answer", [python, "-c", _ASK, url, *QUESTION], ANSWER))
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
    if not answer:
        raise InputError(f"{folder} is no Space that works: it finds no task of a paper on pedestrian detection.")
    return answer


def check_name(repository: str) -> None:
    """Raises InputError if this is no name of a Space, by the hub's own rules."""
    try:
        validate_repo_id(repository)
    except HFValidationError:
        repository, named = repository[:100], False
    else:
        # The hub's rules let a name without a user pass.
        named = re.fullmatch(r"[\w.-]+/[\w.-]+", repository, re.ASCII)
    if not named:
        raise InputError(f"'{repository}' is no name of a Space; write user/name.")


def push(folder: Path, repository: str, api: HfApi | None = None) -> str:
    """Uploads a Space to the hub as `user/name`, makes it if need be, and returns its address.

    Whoever runs this must be logged in to the hub. Raises InputError if the name is none, or the hub cannot be
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
            # What an earlier upload had and this one has not.
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


def main(arguments: list[str] | None = None) -> None:
    """The command line; what fails gets one sentence and exit code 2."""
    parser = argparse.ArgumentParser(prog="python -m paper_tasks.export.space", description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path, help="folder to put the Space in")
    parser.add_argument("--push", metavar="USER/NAME", help="upload it to the Hugging Face hub, once it was tried")
    options = parser.parse_args(arguments)
    try:
        if options.push is not None:
            # Before the minutes that the trial takes.
            check_name(options.push)
        files = assemble(options.output)
        print(f"{options.output} has the Space, {len(files)} files; trying it in a new environment ...", flush=True)
        answer = check(options.output)
        print(f"It works: '{QUESTION[0]}' is about {answer[0]['task']} ({answer[0]['probability']:.0%}).")
        if options.push is not None:
            print(f"Uploaded: {push(options.output, options.push)}")
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or "no reason given").splitlines()[0]


def _run(problem: str, command: list[str], seconds: float | None = None) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired as error:
        raise InputError(f"The Space does not work, for {problem} (within {seconds:g} seconds).") from error
    if done.returncode:
        reason = (done.stderr.strip() or "no reason given").splitlines()[-1]
        raise InputError(f"The Space does not work, for {problem} ({reason}).")
    return done.stdout


if __name__ == "__main__":
    main()
