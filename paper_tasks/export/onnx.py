"""A PyTorch model as ONNX: as traced, optimised for inference, and quantized to int8."""

import re
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.fusion_options import FusionOptions
from onnxruntime.transformers.optimizer import optimize_model

from paper_tasks.modeling.model import FastModel, PaperTaskModel

FP32 = "paper_task_classifier.onnx"
INT8 = "paper_task_classifier_quantized.onnx"
FAST_INT8 = "paper_task_classifier_fast_quantized.onnx"
# Nodes that stay in fp32: the head, the names, and the table that words are gathered from (its weights are int8).
EXACT = "/(head|name_counts)/|/words/Gather"
# The encoder's projections, and tables: the token embeddings are half of a small encoder.
QUANTIZED = ("MatMul", "Gemm", "Attention", "Gather")
IGNORED_WARNINGS: list[tuple[type[Warning], str]] = [
    (DeprecationWarning, "You are using the legacy TorchScript-based ONNX export"),
    (DeprecationWarning, "The feature will be removed"),
    (torch.jit.TracerWarning, "Converting a tensor to a Python boolean"),
    (UserWarning, "Exporting aten::index operator of advanced indexing"),
]


def plain_onnx(model: torch.nn.Module, path: Path, outputs: Sequence[str] = ("logits", "fits")) -> None:
    """Writes fp32 ONNX as PyTorch traces it; batch and sequence are dynamic. outputs: those of the model to keep.

    A model that reads no `attention_mask` has no such input.
    """
    example = torch.ones(2, 8, dtype=torch.int64)
    dynamic = {0: "batch", 1: "sequence"}
    with warnings.catch_warnings():
        # The exporter's older path warns that it is older, and about branches that do not depend on the input.
        for category, message in IGNORED_WARNINGS:
            warnings.filterwarnings("ignore", message, category)
        torch.onnx.export(
            _Outputs(model, outputs).eval(),
            (example, example),
            path,
            input_names=["input_ids", "attention_mask"],
            output_names=[*outputs],
            dynamic_axes={
                **dict.fromkeys(("input_ids", "attention_mask"), dynamic),
                **{name: {0: "batch"} for name in outputs},
            },
            opset_version=17,
            # The optimiser fuses the plain attention subgraph that only the older path writes.
            dynamo=False,
            # Names are counted by an operator of ONNX; PyTorch would look for the steps that stand for it here.
            autograd_inlining=False,
        )


def to_onnx(model: PaperTaskModel | FastModel, path: Path) -> None:
    """Writes fp32 ONNX, optimised for inference: attention, layer norms and activations fused."""
    if isinstance(model, FastModel):
        plain_onnx(model, path)
        return
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        plain_onnx(model, plain)
        options = FusionOptions("bert")
        # Fused with its neighbors, the embedding table would escape quantization.
        options.enable_embed_layer_norm = False
        # onnxruntime's fused kernel takes eight times as long as a sum and a layer norm: a quarter of the whole time.
        options.enable_skip_layer_norm = False
        fused = optimize_model(
            str(plain),
            model_type="bert",
            num_heads=model.config.num_attention_heads,
            hidden_size=model.config.hidden_size,
            optimization_options=options,
            opt_level=1,
        )
        fused.save_model_to_file(str(path))


def to_int8(fp32: Path, int8: Path, exact: str = EXACT, per_channel: bool = True) -> None:
    """Quantizes all weights to int8, dynamically, with one scale for each output channel or one for each tensor.

    exact: a regular expression; nodes in whose names it is found stay in fp32. By default these are the head and the
    names: they are small, and no later layer evens out their errors.

    Weights have 7 bits. With 8 the 16-bit sums of CPUs without VNNI would overflow, and answers would differ there.
    """
    kept = [node.name for node in onnx.load(fp32).graph.node if re.search(exact, node.name)]
    quantize_dynamic(
        fp32,
        int8,
        op_types_to_quantize=[*QUANTIZED],
        # The quantizer divides a product with a bias into two nodes, and looks for the name of the first.
        nodes_to_exclude=kept + [f"{name}_MatMul" for name in kept],
        weight_type=QuantType.QInt8,
        per_channel=per_channel,
        reduce_range=True,
        # An optimised graph has lost the types that the quantizer would read.
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )


class _Outputs(torch.nn.Module):
    """A model whose output is a tuple of tensors, as the exporter wants it."""

    def __init__(self, model: torch.nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.model, self.names = model, names

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
        output = self.model(input_ids=input_ids, attention_mask=attention_mask)
        return tuple(output[name] for name in self.names)
