"""Reads Markdown as the tests of the documents need it: code blocks, shell commands, prose, headings, links."""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

from tests import ROOT

NAMES = ("README.md", "CONTRIBUTING.md", "csv_files/README.md", "deployment/README.md", "deployment/model/README.md")
NAMES += ("csv_files/read_labels/README.md", "csv_files/read_labels/GUIDELINE.md")
DOCUMENTS = [*(ROOT / name for name in NAMES if (ROOT / name).exists()), *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Words of the shell before which no command ends.
KEYWORDS = {"until", "do", "done", "if", "then", "fi", "{", "}", "!"}


class Block(NamedTuple):
    """A fenced block: its document, its language and its text."""

    document: Path
    language: str
    text: str


class Command(NamedTuple):
    """One shell command and the output that its document shows below it; "" if it shows none."""

    document: Path
    words: tuple[str, ...]
    output: str = ""

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}: {shlex.join(self.words)[:60]}"


def read(document: Path) -> str:
    """The text of a document."""
    return document.read_text(encoding="utf-8")


def blocks(document: Path, language: str) -> list[Block]:
    """The fenced blocks in one language."""
    return [Block(document, name, text) for name, text in FENCE.findall(read(document)) if name == language]


def trailing_comment(text: str) -> str:
    """The comment lines at the end of a block, without their marks: what the code prints."""
    lines = text.rstrip("\n").split("\n")
    first = len(lines)
    while first and lines[first - 1].startswith("# "):
        first -= 1
    return "\n".join(line[2:] for line in lines[first:])


def commands(document: Path) -> list[Command]:
    """Every simple command in the shell blocks of a document; a comment line below a command is its output."""
    found: list[Command] = []
    for block in blocks(document, "sh"):
        for line in block.text.replace("\\\n", " ").splitlines():
            if line.startswith("# "):
                last = found.pop()
                found.append(last._replace(output="\n".join(filter(None, [last.output, line[2:]]))))
            else:
                found += [Command(document, words) for words in split(line)]
    return found


def split(line: str) -> list[tuple[str, ...]]:
    """The simple commands of one line of shell, without assignments, keywords and redirections."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    for word in lexer:
        if not word.strip(";&|()") or (not found[-1] and (word in KEYWORDS or re.fullmatch(r"\w+=\S*", word))):
            found.append([])
        else:
            found[-1].append(word)
    return [tuple(words) for words in found if words]


def prose(document: Path) -> str:
    """A document without fenced blocks and without what a script wrote between two marks."""
    return re.sub(r"<!-- (.+?):.*?<!-- \1: to here -->", "", FENCE.sub("", read(document)), flags=re.DOTALL)


def code_spans(document: Path) -> list[str]:
    """The code within the prose."""
    return re.findall(r"`([^`\n]+)`", prose(document))


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", read(document)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(document: Path) -> list[str]:
    """The targets of links and pictures, without those on the web."""
    return re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", read(document))


def rows(text: str) -> list[list[str]]:
    """The cells of a table's rows, without the header."""
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    start = next(number for number, cells in enumerate(lines) if set("".join(cells)) <= set("-: "))
    return [[cell.strip() for cell in cells] for cells in lines[start + 1 :]]
