"""Fixtures of the tests that train. They import `tiny` themselves: other tests here need no torch."""

import pytest


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    from tests.paper_tasks import tiny

    return tiny.write_prepared(tmp_path_factory.mktemp("prepared"))


@pytest.fixture(scope="session")
def backbone(tmp_path_factory):
    from tests.paper_tasks import tiny

    # Without "roberta" in the name, from which blurr would guess.
    return tiny.write_backbone(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="session")
def trained(tmp_path_factory, prepared, backbone):
    """A model that `train` fine-tuned on the invented papers."""
    from paper_tasks.training.finetune import train

    folder = tmp_path_factory.mktemp("trained")
    return folder, train(prepared, folder, tiny_options(backbone, epochs=6), overwrite=True)


def tiny_options(backbone, **changes):
    from paper_tasks.training.options import TrainOptions

    options = {
        "backbone": str(backbone),
        "learning_rate": 5e-3,
        "frozen_learning_rate": 2e-2,
        "lower_divisor": 4.0,
        "batch_size": 16,
        "short_length": 48,
        "max_length": 64,
        "train_embeddings": True,
        "dev_papers": 40,
    }
    return TrainOptions(**options | changes)


@pytest.fixture(scope="session", params=["roberta", "bert", "distilbert", "mpnet"])
def converted(request, tmp_path_factory):
    """A random model of each kind, and the folder of its fp32 and int8 ONNX."""
    from paper_tasks.export.onnx import FP32, INT8, to_int8, to_onnx
    from tests.paper_tasks import tiny

    model, folder = tiny.random_model(request.param), tmp_path_factory.mktemp(request.param)
    to_onnx(model, folder / FP32)
    to_int8(folder / FP32, folder / INT8)
    return model, folder
