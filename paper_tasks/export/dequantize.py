"""A model as it ships, read back to train on from: what `export` wrote as int8, in PyTorch's names and shapes.

Weights are lost by then to a 127th of the largest of their column; a training soon makes up for that.
"""

import re
from collections.abc import Collection
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from paper_tasks.errors import InputError, ModelError
from paper_tasks.export.onnx import INT8
from paper_tasks.modeling.model import NAME_WEIGHTS
from paper_tasks.tagger.model_folder import read_config, verify_files

# A matrix product is named after its module: /model/head/mention/MatMul, or with _quant behind it.
PRODUCT = re.compile(r"/model/(.+?)/(?:MatMul|Gemm)(?:_MatMul)?(?:_quant)?")
# What one encoder or another calls the projections that onnxruntime makes one of.
PROJECTIONS = (("query", "key", "value"), ("q_lin", "k_lin", "v_lin"), ("q", "k", "v"))


def is_shipped(folder: Path) -> bool:
    """Whether `folder` is one that `export` wrote."""
    return (folder / INT8).is_file()


def read(folder: Path, names: Collection[str]) -> tuple[list[str], dict[str, torch.Tensor]]:
    """The model's labels, and those weights among `names` (of a PaperTaskModel's `state_dict`) that it has.

    Without those of names, which `export` has made into others. Raises InputError for a folder that the classifier
    would not load either.
    """
    try:
        config = read_config(folder)
        verify_files(folder, config)
    except ModelError as error:
        raise InputError(str(error)) from error
    return list(config.labels), weights(folder / INT8, set(names).difference(NAME_WEIGHTS))


def weights(path: Path, names: Collection[str]) -> dict[str, torch.Tensor]:
    """Those weights among `names` that an ONNX file of `export` has, fp32 or int8."""
    graph = onnx.load(path).graph
    stored = {array.name: numpy_helper.to_array(array) for array in graph.initializer}

    def value(name: str) -> np.ndarray:
        plain = name.removesuffix("_quantized")
        if plain == name:
            return stored[name]
        # One scale and zero point for all, or for each column.
        return (stored[name].astype(np.float32) - stored[f"{plain}_zero_point"]) * stored[f"{plain}_scale"]

    found = {}
    for node in graph.node:
        if node.op_type in ("Attention", "QAttention"):
            # Its output is still named after the module.
            module = _name(node.output[0].removeprefix("/model/").rpartition("/")[0])
            parts = np.split(value(node.input[1]), 3, axis=1), np.split(stored[node.input[2]], 3)
            for projections in PROJECTIONS:
                for projection, weight, bias in zip(projections, *parts, strict=True):
                    found |= {f"{module}.{projection}.weight": weight.T, f"{module}.{projection}.bias": bias}
        elif (product := PRODUCT.fullmatch(node.name)) and node.input[1] in stored:
            found[f"{_name(product[1])}.weight"] = value(node.input[1]).T
    # What has kept its name; last, since such a product is not turned.
    found |= {
        name.removeprefix("model.").removesuffix("_quantized"): value(name)
        for name in stored
        if name.startswith("model.")
    }
    return {name: torch.tensor(np.ascontiguousarray(array)) for name, array in found.items() if name in names}


def _name(path: str) -> str:
    return path.replace("/", ".")
