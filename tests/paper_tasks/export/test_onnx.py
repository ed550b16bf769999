import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper

from paper_tasks.export.onnx import FP32, INT8
from paper_tasks.tagger.model_folder import SLOW_FUSION


def random_batch(papers, tokens, pad_token_id, seed=0):
    """Token ids and attention mask, both (papers, tokens); every row but the first is padded on the right."""
    generator = torch.Generator().manual_seed(seed)
    input_ids = torch.randint(5, 400, (papers, tokens), generator=generator)
    attention_mask = torch.ones_like(input_ids)
    for row in range(1, papers):
        length = max(1, tokens - row * tokens // papers)
        input_ids[row, length:] = pad_token_id
        attention_mask[row, length:] = 0
    return input_ids, attention_mask


def run(path, input_ids, attention_mask):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    inputs = {"input_ids": input_ids.numpy(), "attention_mask": attention_mask.numpy()}
    return session.run(["logits"], inputs)[0]


def cosine(one, other):
    return float((one * other).sum() / np.linalg.norm(one) / np.linalg.norm(other))


@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (2, 8), (3, 64), (7, 33), (1, 128)])
def test_onnx_gives_the_logits_of_torch_at_every_shape_and_padding(converted, shape):
    model, folder = converted
    batch = random_batch(*shape, model.config.pad_token_id)
    with torch.no_grad():
        expected = model(*batch).logits.numpy()
    np.testing.assert_allclose(run(folder / FP32, *batch), expected, atol=1e-4)
    assert cosine(run(folder / INT8, *batch), expected) > 0.97


def test_padding_moves_no_logit_of_fp32(converted):
    model, folder = converted
    (input_ids, mask), pad = random_batch(1, 9, 0), model.config.pad_token_id
    padded = (
        torch.cat([input_ids, torch.full((1, 20), pad)], dim=1),
        torch.cat([mask, torch.zeros_like(mask)[:, :1].expand(1, 20)], dim=1),
    )
    np.testing.assert_allclose(run(folder / FP32, *padded), run(folder / FP32, input_ids, mask), atol=1e-4)


def test_sums_and_layer_norms_run_apart_which_is_faster(converted, tmp_path):
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "as it runs.onnx")
    onnxruntime.InferenceSession(converted[1] / INT8, options, disabled_optimizers=[SLOW_FUSION])
    kinds = {node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node}
    assert "LayerNormalization" in kinds and "SkipLayerNormalization" not in kinds


def test_converting_leaves_the_model_ready_for_inference(converted):
    assert not converted[0].training and not converted[0].head.dropout.training


def test_int8_holds_every_large_weight_but_the_heads(converted):
    model, folder = converted
    graph = onnx.load(folder / INT8).graph
    arrays = [numpy_helper.to_array(tensor) for tensor in graph.initializer]
    head = {frozenset(weight.shape) for weight in model.head.state_dict().values()}
    floats = [array for array in arrays if array.dtype.kind == "f"]
    assert max(array.size for array in floats if frozenset(array.shape) not in head) <= 128
    # The weights of the mean, of the mentions and of the second level.
    assert sum(array.ndim == 2 and frozenset(array.shape) in head for array in floats) == 3
    # The pooler, which nothing uses, is not exported.
    encoder = [weight for name, weight in model.encoder.named_parameters() if weight.ndim == 2 and "pooler" not in name]
    quantized = sum(array.size for array in arrays if array.dtype in (np.int8, np.uint8) and array.ndim == 2)
    assert quantized >= sum(weight.numel() for weight in encoder if len(weight) > 2)
