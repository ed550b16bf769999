"""The 260 task names of Papers with Code, and what a reader should know of each."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from paper_tasks.paths import JSON_FILES


@dataclass(frozen=True)
class Task:
    """One task name.

    `canonical` is the name to show a reader: its own, or that of the task which this one spells differently
    (`object-detection` is `Object Detection`). `is_task` is false for names that Papers with Code attached by
    string matching and that no reader would call a task (`Navigate`, `SSIM`). `aliases` are the other phrases
    that name the task in a text; a phrase without lower-case letters is an acronym and matched by case.
    """

    name: str
    area: str
    canonical: str
    is_task: bool
    aliases: tuple[str, ...]


@cache
def names() -> tuple[str, ...]:
    """The 260 names, in the order that the original's model and every vector here use."""
    index = json.loads((JSON_FILES / "task_types_encoded.json").read_text(encoding="utf-8"))
    return tuple(sorted(index, key=index.__getitem__))


@cache
def tasks() -> tuple[Task, ...]:
    """What `json_files/task_info.json` says of each name, in vocabulary order."""
    info = json.loads((JSON_FILES / "task_info.json").read_text(encoding="utf-8"))
    return tuple(
        Task(
            name=name,
            area=info[name]["area"],
            canonical=info[name].get("canonical", name),
            is_task=info[name]["is_task"],
            aliases=tuple(info[name]["aliases"]),
        )
        for name in names()
    )


@cache
def index() -> dict[str, int]:
    """Task name to its place in a vector of 260."""
    return {name: place for place, name in enumerate(names())}


def task(name: str) -> Task:
    """The task of that name; one outside the vocabulary has only its name to be known by."""
    if name in index():
        return tasks()[index()[name]]
    return Task(name, area="other", canonical=name, is_task=True, aliases=())


def canonical(task_names: Iterable[str]) -> list[str]:
    """Names with each duplicate spelling replaced by the one to show, every name once, first come first."""
    return list(dict.fromkeys(task(name).canonical for name in task_names))
