"""Fixtures of the tests that train. They import `tiny` themselves: other tests here need no torch."""

from functools import cache

import joblib
import pytest


@pytest.fixture(scope="session", autouse=True)
def no_processes_of_joblib():
    """Threads in their place, because few papers are done before a process has started."""
    with joblib.parallel_config(backend="threading"):
        yield


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


@pytest.fixture(scope="session")
def exported(tmp_path_factory, trained, prepared):
    """The folder of the trained model, the folder exported from it, and the scores that `export` returned."""
    from paper_tasks.export.export import export

    folder = tmp_path_factory.mktemp("exported")
    return trained[0], folder, export(trained[0], prepared, folder, max_length=64)


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


@pytest.fixture(scope="session")
def convert(tmp_path_factory):
    """Makes a random model of some kind, and the folder of its fp32 and int8 ONNX; of each kind once."""
    from paper_tasks.export.onnx import FP32, INT8, to_int8, to_onnx
    from tests.paper_tasks import tiny

    @cache
    def convert(kind):
        model, folder = tiny.random_model(kind), tmp_path_factory.mktemp(kind)
        to_onnx(model, folder / FP32)
        to_int8(folder / FP32, folder / INT8)
        return model, folder

    return convert


@pytest.fixture(params=["roberta", "bert", "distilbert", "mpnet"])
def converted(request, convert):
    """A random model of each kind, and the folder of its fp32 and int8 ONNX."""
    return convert(request.param)
