"""README and docs: their size, their links, and every command, option, address and name in them."""

import ast
import importlib.util
import re
import tomllib
from functools import cache
from itertools import pairwise
from pathlib import PurePath

import pytest
import typer

from deployment.common import command_line
from deployment.flask_app import openapi
from paper_tasks.cli import app as paper_tasks_app
from paper_tasks.evaluation.read_labels import tables
from scrapers.cli import app as scrapers_app
from tests import ROOT, markdown
from tests.markdown import DOCUMENTS, Command
from tests.test_repository import FILES

README = ROOT / "README.md"
LINES, WORDS, SENTENCE = 120, 1_100, 25
PROGRAMS = {"paper-tasks": paper_tasks_app, "paper_tasks": paper_tasks_app, "scrapers": scrapers_app}
OURS = {"paper_tasks", "deployment", "scrapers", "tools"}
SERVERS = ("deployment.app", "deployment.web")
COMMANDS = [command for document in DOCUMENTS for command in markdown.commands(document)]
SPANS = [(document, span) for document in DOCUMENTS for span in dict.fromkeys(markdown.code_spans(document))]
# Programs that are not ours.
OTHERS = {"cut", "git", "ray", "sed", "source", "[", "hf"}


def test_the_readme_is_short():
    text = markdown.read(README)
    assert len(text.splitlines()) <= LINES and len(text.split()) <= WORDS


def test_the_readme_links_to_every_page():
    assert {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")} <= {
        target.partition("#")[0] for target in markdown.links(README)
    }


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".md")])
def test_links_lead_to_files_and_headings_that_exist(name):
    document = ROOT / name
    for target in markdown.links(document):
        path, _, anchor = target.partition("#")
        linked = (document.parent / path) if path else document
        assert linked.exists(), f"{name} links to {target}"
        assert not anchor or anchor in markdown.anchors(linked), f"{name} links to {target}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_sentences_are_short(document):
    prose = re.sub(r"^(\||#|<!--|!\[).*$", "", markdown.prose(document), flags=re.MULTILINE)
    prose = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", re.sub(r"`[^`]*`", "code", prose))
    for paragraph in re.split(r"\n\s*\n|\n(?=- )", prose):
        for sentence in re.split(r"(?<=[.!?:;])\**\s+", " ".join(paragraph.split())):
            assert len(sentence.split()) <= SENTENCE, sentence


def test_the_tree_names_folders_and_modules_that_exist():
    """Every folder with code is in the tree, and every module in the tree is in its folder."""
    tree = re.search(r"```text\n(scrapers/  .*?)```", markdown.read(ROOT / "docs" / "architecture.md"), re.DOTALL)[1]
    named: set[str] = set()
    parents: list[str] = []
    for line in tree.splitlines():
        indent, name, modules = re.fullmatch(r"( *)(\S+)/ +(.+)", line).groups()
        parents[len(indent) // 2 :] = [name]
        folder = "/".join(parents)
        named.add(folder)
        for module in modules.split(", "):
            assert (ROOT / folder / f"{module}.py").exists() or (ROOT / folder / module).exists(), f"{folder}/{module}"
    assert named >= {
        str(PurePath(name).parent) for name in FILES if re.match(r"(?!tests/|requirements/).+/.+\.py$", name)
    }


@pytest.mark.parametrize(("heading", "name", "columns"), [("on", "read_evaluation", 11), ("beside", "evaluation", 16)])
def test_each_column_of_the_evaluation_is_defined_once(heading, name, columns):
    page = markdown.read(ROOT / "docs" / "evaluation.md")
    section = page.partition(f"\n## Columns {heading} read labels\n")[2].partition("\n## ")[0]
    defined = [name for row in markdown.rows(section) for name in row[0].split(" / ")]
    assert len(set(defined)) == len(defined) >= columns
    if (results := ROOT / "results" / f"{name}.md").is_file():
        headers = re.findall(r"^\| system \|(.+)\|$", markdown.read(results), re.MULTILINE)
        used = {name.strip() for header in headers for name in header.split("|")}
        assert len(used) >= columns and used <= set(defined)


def test_the_columns_of_read_labels_are_those_of_its_tables():
    page = markdown.read(ROOT / "docs" / "evaluation.md")
    section = page.partition("\n## Columns on read labels\n")[2].partition("\n## ")[0]
    defined = {name for row in markdown.rows(section) for name in row[0].split(" / ")}
    columns = (tables.COLUMNS, tables.BOTH_LEVELS, tables.COMPARED_POSITIVES, tables.README_COLUMNS)
    assert defined == {title for titles in columns for title in titles.values()}


def test_each_system_of_the_evaluation_is_described():
    section = markdown.read(ROOT / "docs" / "evaluation.md").partition("## Systems")[2].partition("\n## ")[0]
    described = [name for row in markdown.rows(section) for name in row[0].split(" / ")]
    for page, systems in ((README, 4), (ROOT / "results" / "evaluation.md", 10)):
        table = markdown.read(page).partition("\n| system |")[2].partition("\n\n")[0]
        used = [row[0] for row in markdown.rows(table.partition("<!--")[0])]
        assert len(used) >= systems and set(used) <= set(described), page


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_commands_can_be_run_as_they_stand(command):
    check(command)


@pytest.mark.parametrize("document, span", SPANS, ids=lambda value: getattr(value, "name", value))
def test_code_in_the_prose_exists(document, span):
    """Commands are parsed, options belong to some command, modules can be imported, paths of the code exist."""
    first = span.split()[0]
    if first in PROGRAMS or first == "make" or span.startswith("python -m "):
        (words,) = markdown.split(span.replace("...", "x"))
        # Prose may name a command alone, or with an option and not its value.
        if words[-1].startswith("--"):
            assert words[-1] in all_options() | {"--help"}
            words = words[:-1]
        alone = words[:-1] in {("paper-tasks",), ("python", "-m", "scrapers")}
        check(Command(document, (*words, "--help") if alone else words))
    elif re.fullmatch(r"--[a-z-]+", first):
        assert first in all_options()
    elif re.fullmatch(r"(paper_tasks|deployment|scrapers|tools)(\.\w+)+", span):
        resolve(span)
    elif re.fullmatch(r"(paper_tasks|deployment|scrapers|tools|tests)/[\w./]*", span):
        assert (ROOT / span).exists()


@pytest.mark.parametrize(
    "block",
    [block for document in DOCUMENTS for block in markdown.blocks(document, "python")],
    ids=lambda block: block.text.splitlines()[0],
)
def test_python_compiles_and_its_imports_exist(block):
    for node in ast.walk(ast.parse(block.text)):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                resolve(f"{node.module}.{alias.name}")
        elif isinstance(node, ast.Import):
            for alias in node.names:
                resolve(alias.name)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_block_has_a_language_that_is_tested(document):
    assert {language for language, _ in markdown.FENCE.findall(markdown.read(document))} <= {"sh", "python", "text"}


@pytest.mark.parametrize(
    "line",
    [
        "paper-tasks tag --titel x",
        "paper-tasks tags",
        "paper-tasks train --epochs 0",
        "make demos",
        "make demo X=1",
        "python -m scrapers arxiv --categories cs.CL",
        "python -m deployment.web --prot 1",
        "python -m nothing",
        "curl http://127.0.0.1:8000/api/task",
        "curl http://127.0.0.1:7860/gradio_api/call/tags",
        "rm -rf x",
        "pip install -r requirements-none.txt",
        "pip install ./none",
        "pip install .[none]",
    ],
)
def test_the_check_finds_what_is_wrong(line):
    (words,) = markdown.split(line)
    with pytest.raises((AssertionError, SystemExit, ImportError, typer.TyperException)):
        check(Command(README, words))


@pytest.mark.parametrize("name", ["paper_tasks.none", "paper_tasks.cli.none", "no_such_package.none"])
def test_the_check_of_names_finds_what_is_wrong(name):
    with pytest.raises(AssertionError):
        resolve(name)


def check(command: Command) -> None:
    """Raises if the command, one of its options, its target or its address does not exist."""
    program, *arguments = command.words
    program = program.removeprefix(".venv/bin/")
    if program == "python" and arguments[:1] == ["-m"]:
        _, program, *arguments = arguments
        assert program in {*PROGRAMS, *SERVERS} or importlib.util.find_spec(program), program
    if program in PROGRAMS:
        parse(program, arguments)
    elif program in SERVERS:
        command_line.parser("", "127.0.0.1", "8000").parse_args(arguments)
    elif program == "make":
        check_make(arguments)
    elif program == "curl":
        check_addresses([word for word in arguments if word.startswith("http")])
    elif program == "ask":
        check_addresses([word for word in arguments[:1] if word.startswith("http")])
    elif program == "pip":
        check_pip(arguments)
    else:
        assert program in OTHERS or program.startswith("tools."), program


def parse(program: str, arguments: list[str]) -> None:
    """As the program itself would, without running it."""
    group = typer.main.get_command(PROGRAMS[program])
    if arguments and arguments[0] != "--help":
        assert arguments[0] in group.commands, arguments[0]
        if "--help" not in arguments:
            group.commands[arguments[0]].make_context(arguments[0], arguments[1:])


def check_make(arguments: list[str]) -> None:
    """Targets are in the Makefile, and variables are used there."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in arguments:
        name, variable, _ = word.partition("=")
        assert re.search(rf"\$\({name}\)" if variable else rf"^{re.escape(name)}:", makefile, re.MULTILINE), word


def check_addresses(addresses: list[str]) -> None:
    """Each is a route of the web page's API or an endpoint of the app."""
    for address in addresses:
        (port, path) = re.fullmatch(r"http://127\.0\.0\.1:(\d+)(/.*)", address).groups()
        if port == "8000":
            assert path in openapi.document(1, 1)["paths"], address
        else:
            assert port == "7860" and path.removeprefix("/gradio_api/call/") in endpoints(), address


def check_pip(arguments: list[str]) -> None:
    """What is installed from this repository is there, and its extras are named in pyproject.toml."""
    assert arguments[0] == "install"
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for before, word in pairwise(arguments):
        if before == "-r" or word.startswith("./"):
            assert (ROOT / word).exists(), word
        elif extra := re.fullmatch(r"\.\[(.+)\]", word):
            assert extra[1] in extras, word


@cache
def endpoints() -> set[str]:
    """Names of the app's endpoints."""
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "deployment").rglob("*.py"))
    return {name for source in sources for name in re.findall(r'api_name="(\w+)"', source)}


@cache
def all_options() -> set[str]:
    """Every option of every command, of the two servers, and of curl and git where the documents name one."""
    found = {"--depth"}
    for program in PROGRAMS.values():
        for command in typer.main.get_command(program).commands.values():
            found |= {option for parameter in command.params for option in parameter.opts}
    return found | set(re.findall(r"--[a-z-]+", command_line.parser("", "127.0.0.1", "8000").format_help()))


def resolve(name: str) -> None:
    """Raises AssertionError if a dotted name is no module, nor a class, function or method in one.

    Our own modules are read, not imported: importing PyTorch and Gradio would take many seconds.
    """
    parts = name.split(".")
    if parts[0] not in OURS:
        assert importlib.util.find_spec(parts[0]), name
        return
    path = ROOT
    while parts and ((path / parts[0]).is_dir() or (path / f"{parts[0]}.py").is_file()):
        path /= parts.pop(0)
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    body = ast.parse(file.read_text(encoding="utf-8")).body
    for part in parts:
        found = [node for node in body if part in {getattr(node, "name", None), *imported(node)}]
        assert found, name
        body = getattr(found[0], "body", [])


def imported(node: ast.stmt) -> set[str]:
    """Names that a statement, or the statements in it, import."""
    imports = (inner for inner in ast.walk(node) if isinstance(inner, ast.Import | ast.ImportFrom))
    return {alias.asname or alias.name for inner in imports for alias in inner.names}
