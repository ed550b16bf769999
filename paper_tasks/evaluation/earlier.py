"""Rows of an earlier evaluation whose systems are not at hand now: on another machine, hours of training away.

They stay while they are true: the papers must be the same, and for rows of our own model, the model that ships.
"""

import json
from pathlib import Path

import pandas as pd

from paper_tasks.errors import InputError
from paper_tasks.evaluation.baselines.baselines import BASELINES

# What `evaluation.json` has for each system.
BY_SYSTEM = ("systems", "notes", "reliability", "reliability_masked")


def keep_rows(evaluation: dict, per_task: pd.DataFrame, folder: Path) -> tuple[dict, pd.DataFrame]:
    """Both, with what `folder` has of systems that they lack; `evaluation["kept"]` names those.

    evaluation: as in `evaluation.json`; per_task: as in `per_task.csv`.

    Raises InputError for an earlier evaluation that cannot be read.
    """
    evaluation = evaluation | {"kept": []}
    try:
        earlier = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
        columns = pd.read_csv(folder / "per_task.csv").set_index("task")
    except FileNotFoundError:
        return evaluation, per_task
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"The earlier evaluation in {folder} cannot be read ({error}): remove it to begin anew."
        ) from error
    if earlier.get("inputs") != evaluation["inputs"]:
        return evaluation, per_task
    stale = [] if earlier["shipped"] == evaluation["shipped"] else earlier["models"]
    kept = [name for name in earlier["systems"] if name not in evaluation["systems"] and name not in stale]
    models = [name for name in kept if name in earlier["models"]] + evaluation["models"]
    others = [name for name in (*kept, *evaluation["systems"]) if name not in models]
    order = sorted(others, key=lambda name: [*BASELINES, name].index(name)) + models
    for key in BY_SYSTEM:
        found = {name: earlier[key][name] for name in kept if name in earlier[key]} | evaluation[key]
        evaluation[key] = {name: found[name] for name in order if name in found}
    for name in kept:
        per_task[f"f1 {name}"] = per_task["task"].map(columns[f"f1 {name}"])
    about = [column for column in per_task if not column.startswith("f1 ")]
    return evaluation | {"kept": kept, "models": models}, per_task[about + [f"f1 {name}" for name in order]]
