"""One model of several that were trained from the same start: the mean of their weights.

Where trainings differ in seed and options only, the mean lies in the same basin as they do, and is better than each: a
"model soup" (Wortsman et al., 2022), an ensemble at the price of one model.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import AutoTokenizer

from paper_tasks.errors import InputError
from paper_tasks.model import PaperTaskModel


def average(folders: Sequence[Path], output_dir: Path, overwrite: bool = False) -> dict:
    """Writes the mean of the models that `train` wrote to `folders`, as `train` would; options are those of the first.

    Returns what it wrote to `training.json`, without scores. Raises InputError for fewer than two models, models that
    are not alike (in backbone, tasks, names or words), or a folder that holds a model already.
    """
    if len(folders) < 2:
        raise InputError("Name two models to average, or more.")
    if not overwrite and (output_dir / "model.safetensors").exists():
        raise InputError(f"{output_dir} holds a model already: --overwrite replaces it.")
    first, *others = (PaperTaskModel.load(folder) for folder in folders)
    mean = {name: value.double() for name, value in first.state_dict().items()}
    for folder, model in zip(folders[1:], others, strict=True):
        weights = model.state_dict()
        if (model.labels, model.names) != (first.labels, first.names) or _features(model) != _features(first):
            raise InputError(f"{folder} has other tasks, names or words than {folders[0]}; train on the same papers.")
        if {name: value.shape for name, value in weights.items()} != {name: mean[name].shape for name in mean}:
            raise InputError(f"{folder} has another backbone than {folders[0]}.")
        for name, value in weights.items():
            mean[name] += value
    first.load_state_dict({name: value / len(folders) for name, value in mean.items()})

    trainings = [json.loads((folder / "training.json").read_text(encoding="utf-8")) for folder in folders]
    training = trainings[0] | {"averaged": len(folders)}
    for name in ("runs", "papers_seen", "minutes"):
        training[name] = round(sum(each[name] for each in trainings), 1)
    training["device"] = ", ".join(dict.fromkeys(each["device"] for each in trainings))
    for name in ("dev", "labels"):
        training.pop(name, None)
    with torch.no_grad():
        first.save(output_dir, AutoTokenizer.from_pretrained(folders[0]), training)
    return training


def _features(model: PaperTaskModel) -> list[tuple[int, ...]] | None:
    return None if model.words is None else model.words.features
