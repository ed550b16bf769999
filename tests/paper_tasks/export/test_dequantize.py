import pytest
import torch
from safetensors.torch import load_file

from paper_tasks.errors import InputError
from paper_tasks.export import dequantize
from paper_tasks.export.onnx import FP32, INT8
from paper_tasks.modeling.model import CALIBRATION, NAME_WEIGHTS
from paper_tasks.training.finetune import Progress, build_learner, train
from tests.paper_tasks.conftest import tiny_options

# A pooler's output is not used, and a calibration that changes nothing is not in the file.
LEFT_OUT = ("pooler", *(f"head.{name}" for name in CALIBRATION))


@pytest.fixture(scope="module")
def shipped(exported):
    """The folder that was exported."""
    return exported[1]


def assert_close(found, expected, exact=False):
    for name, tensor in expected.items():
        # 7 bits: an error of at most half of a 63rd of the largest weight.
        tolerance = 1e-6 if exact else tensor.abs().max().item() / 100
        torch.testing.assert_close(found[name], tensor, atol=tolerance, rtol=0, msg=lambda text, name=name: name + text)


@pytest.mark.parametrize("file", [FP32, INT8])
def test_every_weight_of_every_encoder_is_read_back(converted, file):
    model, folder = converted
    own = {name: tensor for name, tensor in model.state_dict().items() if not any(part in name for part in LEFT_OUT)}
    found = dequantize.weights(folder / file, own.keys())
    assert found.keys() == own.keys()
    assert_close(found, own, exact=file == FP32)


def test_a_training_starts_from_an_exported_model(trained, shipped, prepared, backbone, tmp_path):
    _, earlier = trained
    options = tiny_options(backbone, epochs=1, start_from=str(shipped), seed=23)
    _, _, model = build_learner(prepared, options, Progress())
    # Names have other weights in use than in training.
    others = ("words.", "pooler", *NAME_WEIGHTS)
    weights = load_file(trained[0] / "model.safetensors")
    weights = {name: tensor for name, tensor in weights.items() if not any(part in name for part in others)}
    assert len(weights) > 30
    assert_close(model.state_dict(), weights)
    # The names start with the weights of a training without an earlier model.
    _, _, anew = build_learner(prepared, tiny_options(backbone), Progress())
    torch.testing.assert_close(model.head.prior + model.head.named, anew.head.prior + anew.head.named)

    training = train(prepared, tmp_path / "more", options)
    assert training.runs == 2 and training.papers_seen > earlier.papers_seen
    assert training.dev.micro_f1 > 0.85


def test_a_training_does_not_start_from_another_encoder(shipped, prepared):
    with pytest.raises(InputError, match="another backbone"):
        build_learner(prepared, tiny_options("minilm", start_from=str(shipped)), Progress())


def test_a_damaged_model_gets_one_sentence(shipped, tmp_path):
    for path in shipped.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / INT8).write_bytes(b"not the file that was exported")
    with pytest.raises(InputError, match=INT8):
        dequantize.read(tmp_path, ())
