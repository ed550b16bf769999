"""The 260 task names of Papers with Code, and what a reader should know about each."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from paper_tasks.paths import JSON_FILES


@dataclass(frozen=True)
class Task:
    """One task name.

    Attributes:
        canonical: the name to show a reader. `object-detection` has `Object Detection`, of which it is a spelling.
        is_task: false for an artefact (`Navigate`, `SSIM`): a name that Papers with Code attached by string matching
            and that no reader would call a task.
        aliases: other phrases that name the task in a text. One without lower-case letters is an acronym, and is
            matched in its own case.
    """

    name: str
    area: str
    canonical: str
    is_task: bool
    aliases: tuple[str, ...]


@cache
def names() -> tuple[str, ...]:
    """The 260 names, in the order of the original's model, which every vector here has."""
    index = json.loads((JSON_FILES / "task_types_encoded.json").read_text(encoding="utf-8"))
    return tuple(sorted(index, key=index.__getitem__))


@cache
def tasks() -> tuple[Task, ...]:
    """The tasks of `json_files/task_info.json`, in vocabulary order."""
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
    """The index of each task name in a vector of 260."""
    return {name: index for index, name in enumerate(names())}


def task(name: str) -> Task:
    """The task of that name. Outside the vocabulary nothing but the name is known."""
    if name in index():
        return tasks()[index()[name]]
    return Task(name, area="other", canonical=name, is_task=True, aliases=())


def canonical(task_names: Iterable[str]) -> list[str]:
    """The canonical names of some tasks, each once, in the order in which they first occur."""
    return list(dict.fromkeys(task(name).canonical for name in task_names))
