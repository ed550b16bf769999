"""A training's state on disk: safetensors and JSON, replaced as a whole or not at all."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from fastai.optimizer import Optimizer
from safetensors.torch import load_file, save_file

from paper_tasks.io.atomic import restore_folder, write_folder


def save(folder: Path, model: torch.nn.Module, optimizer: Optimizer, state: dict[str, Any]) -> None:
    """Writes model, optimizer and `state` (JSON) beside `folder`, which they then replace."""
    tensors, scalars = {}, {}
    for index, moments in enumerate(optimizer.state_dict()["state"]):
        for name, value in moments.items():
            if isinstance(value, torch.Tensor):
                tensors[f"{index}.{name}"] = value.contiguous()
            else:
                scalars[f"{index}.{name}"] = value
    weights = {name: value.contiguous() for name, value in model.state_dict().items()}
    folder.parent.mkdir(parents=True, exist_ok=True)
    with write_folder(folder) as partial:
        save_file(tensors, partial / "optimizer.safetensors")
        save_file(weights, partial / "model.safetensors")
        (partial / "state.json").write_text(json.dumps(state | {"optimizer": scalars}), encoding="utf-8")


def exists(folder: Path) -> bool:
    """Whether there is a checkpoint. One that a kill left half replaced is put back."""
    restore_folder(folder)
    return (folder / "state.json").is_file()


def load_state(folder: Path) -> dict[str, Any]:
    """The JSON part."""
    state: dict[str, Any] = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    return state


def load_model(folder: Path, model: torch.nn.Module) -> None:
    """Gives the model the checkpoint's weights."""
    model.load_state_dict(load_file(folder / "model.safetensors"))


def load_optimizer(folder: Path, optimizer: Optimizer, device: torch.device | str = "cpu") -> None:
    """Gives the optimizer the checkpoint's moments, on the device where the model will train."""
    tensors = {key: value.to(device) for key, value in load_file(folder / "optimizer.safetensors").items()}
    whole = optimizer.state_dict()
    moments: list[dict[str, Any]] = [{} for _ in whole["state"]]
    for key, value in (tensors | load_state(folder)["optimizer"]).items():
        index, name = key.split(".", 1)
        moments[int(index)][name] = value
    optimizer.load_state_dict({"state": moments, "hypers": whole["hypers"]})


def remove(folder: Path) -> None:
    """Deletes the checkpoint of a training that has ended."""
    shutil.rmtree(folder, ignore_errors=True)
