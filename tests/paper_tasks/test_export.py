import hashlib
import json

import numpy as np
import pytest
import torch

from deployment.classifier import TaskClassifier
from paper_tasks.errors import InputError
from paper_tasks.export import FP32, INT8, calibration, export, to_onnx
from paper_tasks.model import PaperTaskModel
from paper_tasks.prepare import read_split


@pytest.fixture(scope="module")
def exported(trained, prepared, tmp_path_factory):
    output = tmp_path_factory.mktemp("exported") / "model"
    return trained[0], output, export(trained[0], prepared, output, max_length=64)


@pytest.mark.parametrize("shape", [(1, 3), (2, 7), (5, 64)])
def test_onnx_gives_torchs_logits_for_any_shape(trained, tmp_path, shape):
    import onnxruntime

    model = PaperTaskModel.load(trained[0])
    to_onnx(model, tmp_path / FP32)
    ids = torch.randint(5, 300, shape)
    mask = torch.ones(shape, dtype=torch.int64)
    # RoBERTa's positions depend on where the padding is.
    ids[0, -1], mask[0, -1] = 1, 0
    session = onnxruntime.InferenceSession(tmp_path / FP32)
    (found,) = session.run(["logits"], {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})
    with torch.no_grad():
        expected = model(input_ids=ids, attention_mask=mask).logits.numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_both_folders_load_and_agree(exported, prepared):
    model_dir, output, scores = exported
    papers = read_split(prepared, "test")
    pairs = list(zip(papers["title"], papers["abstract"], strict=True))
    fp32 = TaskClassifier.load(model_dir / "onnx").logits(pairs)
    int8 = TaskClassifier.load(output).logits(pairs)
    cosines = (fp32 * int8).sum(axis=1) / np.linalg.norm(fp32, axis=1) / np.linalg.norm(int8, axis=1)
    assert cosines.min() > 0.98
    assert scores["int8"]["micro_f1"] > 0.7 and scores["fp32"].keys() == scores["int8"].keys()


def test_the_embedding_table_is_quantized_too(exported):
    model_dir, output, _ = exported
    assert (output / INT8).stat().st_size < 0.75 * (model_dir / "onnx" / FP32).stat().st_size


def test_the_config_tells_all(exported):
    _, output, scores = exported
    config = json.loads((output / "config.json").read_text(encoding="utf-8"))
    assert config["scores"]["int8"] == scores["int8"] and config["scores"]["split"] == "test"
    assert config["training"]["data"]["labels"].startswith("distant")
    assert 0 < config["default_threshold"] < 1 and config["max_length"] == 64
    assert config["labels"] == list(config["task_info"])
    for name, checksum in config["files"].items():
        assert hashlib.sha256((output / name).read_bytes()).hexdigest() == checksum


def test_calibration_finds_scale_and_shift():
    rng = np.random.default_rng(0)
    logits = rng.normal(scale=3, size=(2000, 10)).astype(np.float32)
    truth = (rng.random(logits.shape) < 1 / (1 + np.exp(-(0.5 * logits - 1)))).astype(np.int64)
    scale, shift = calibration(logits, truth)
    assert (scale, shift) == (pytest.approx(0.5, abs=0.05), pytest.approx(-1, abs=0.1))


def test_a_folder_without_a_model_is_told(prepared, tmp_path):
    with pytest.raises(InputError, match="no trained model"):
        export(tmp_path, prepared, tmp_path / "out")
    assert not (tmp_path / "out").exists()
