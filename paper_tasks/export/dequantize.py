"""An exported model, read back to start a training from: its int8 weights in PyTorch's names and shapes.

A weight is exact to a 127th of the largest in its column. A training soon corrects the rest.
"""

import re
from collections.abc import Collection
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from paper_tasks.export.onnx import INT8
from paper_tasks.modeling.model import NAME_WEIGHTS
from paper_tasks.tagger.model_folder import read_config, verify_files

# A matrix product is named after its module: /model/head/mention/MatMul, or with _quant behind it.
PRODUCT = re.compile(r"/model/(.+?)/(?:MatMul|Gemm)(?:_MatMul)?(?:_quant)?")
# Names of the projections that onnxruntime joins into one, in different encoders.
PROJECTIONS = (("query", "key", "value"), ("q_lin", "k_lin", "v_lin"), ("q", "k", "v"))


def is_exported(folder: Path) -> bool:
    """Whether `export` wrote the folder."""
    return (folder / INT8).is_file()


def read(folder: Path, names: Collection[str]) -> tuple[list[str], dict[str, torch.Tensor]]:
    """The model's labels, and those of the weights in `names` (from a PaperTaskModel's `state_dict`) that it has.

    The weights of the names in a text are left out, since `export` weighs them for use. Raises ModelError for a folder
    that the classifier would not load either.
    """
    config = read_config(folder)
    verify_files(folder, config)
    return list(config.labels), weights(folder / INT8, set(names).difference(NAME_WEIGHTS))


def weights(path: Path, names: Collection[str]) -> dict[str, torch.Tensor]:
    """Those of the weights in `names` that an ONNX file of `export` has, fp32 or int8."""
    graph = onnx.load(path).graph
    stored = {array.name: numpy_helper.to_array(array) for array in graph.initializer}

    def value(name: str) -> np.ndarray:
        plain = name.removesuffix("_quantized")
        if plain == name:
            return stored[name]
        # One scale and zero point for the whole tensor, or for each column.
        return (stored[name].astype(np.float32) - stored[f"{plain}_zero_point"]) * stored[f"{plain}_scale"]

    found: dict[str, np.ndarray] = {}
    for node in graph.node:
        if node.op_type in ("Attention", "QAttention"):
            # The node's output is still named after the module.
            module = _name(node.output[0].removeprefix("/model/").rpartition("/")[0])
            parts = np.split(value(node.input[1]), 3, axis=1), np.split(stored[node.input[2]], 3)
            for projections in PROJECTIONS:
                for projection, weight, bias in zip(projections, *parts, strict=True):
                    found |= {f"{module}.{projection}.weight": weight.T, f"{module}.{projection}.bias": bias}
        elif (product := PRODUCT.fullmatch(node.name)) and node.input[1] in stored:
            found[f"{_name(product[1])}.weight"] = value(node.input[1]).T
    # Weights that have kept their names; last, since the weights of such a product are not transposed.
    found |= {
        name.removeprefix("model.").removesuffix("_quantized"): value(name)
        for name in stored
        if name.startswith("model.")
    }
    return {name: torch.from_numpy(array.copy()) for name, array in found.items() if name in names}


def _name(path: str) -> str:
    return path.replace("/", ".")
