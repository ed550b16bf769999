"""A training's state on disk: safetensors and JSON, replaced as a whole or not at all."""

import json
import shutil
from pathlib import Path

import torch
from fastai.optimizer import Optimizer
from safetensors.torch import load_file, save_file

from paper_tasks.io.atomic import restore_folder, write_folder


def save(folder: Path, model: torch.nn.Module, optimizer: Optimizer, state: dict) -> None:
    """Writes model, optimizer and `state` (JSON) beside `folder`, then takes its place."""
    tensors, scalars = {}, {}
    for place, moments in enumerate(optimizer.state_dict()["state"]):
        for name, value in moments.items():
            if isinstance(value, torch.Tensor):
                tensors[f"{place}.{name}"] = value.contiguous()
            else:
                scalars[f"{place}.{name}"] = value
    weights = {name: value.contiguous() for name, value in model.state_dict().items()}
    folder.parent.mkdir(parents=True, exist_ok=True)
    with write_folder(folder) as partial:
        save_file(tensors, partial / "optimizer.safetensors")
        save_file(weights, partial / "model.safetensors")
        (partial / "state.json").write_text(json.dumps(state | {"optimizer": scalars}), encoding="utf-8")


def exists(folder: Path) -> bool:
    """Whether there is a checkpoint, or one that a kill left half replaced (then it is put back)."""
    restore_folder(folder)
    return (folder / "state.json").is_file()


def load_state(folder: Path) -> dict:
    """The JSON part."""
    return json.loads((folder / "state.json").read_text(encoding="utf-8"))


def load_model(folder: Path, model: torch.nn.Module) -> None:
    """Puts the weights back."""
    model.load_state_dict(load_file(folder / "model.safetensors"))


def load_optimizer(folder: Path, optimizer: Optimizer, device: torch.device | str = "cpu") -> None:
    """Puts the optimizer's moments back, on the device where the model will be when it trains."""
    tensors = {key: value.to(device) for key, value in load_file(folder / "optimizer.safetensors").items()}
    whole = optimizer.state_dict()
    moments: list[dict] = [{} for _ in whole["state"]]
    for key, value in (tensors | load_state(folder)["optimizer"]).items():
        place, name = key.split(".", 1)
        moments[int(place)][name] = value
    optimizer.load_state_dict({"state": moments, "hypers": whole["hypers"]})


def remove(folder: Path) -> None:
    """Deletes the checkpoint: the training is over."""
    shutil.rmtree(folder, ignore_errors=True)
