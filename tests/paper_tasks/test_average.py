import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from paper_tasks.average import average
from paper_tasks.errors import InputError
from paper_tasks.model import PaperTaskModel
from paper_tasks.train import train
from tests.paper_tasks.conftest import tiny_options


@pytest.fixture(scope="module")
def second(tmp_path_factory, prepared, backbone):
    folder = tmp_path_factory.mktemp("second")
    return folder, train(prepared, folder, tiny_options(backbone, epochs=2, seed=5), overwrite=True)


def test_the_mean_of_two_trainings_is_a_model(trained, second, tmp_path):
    training = average([trained[0], second[0]], tmp_path)
    one, two, mean = (load_file(folder / "model.safetensors") for folder in (trained[0], second[0], tmp_path))
    for name in mean:
        torch.testing.assert_close(mean[name], (one[name] + two[name]) / 2)
    assert PaperTaskModel.load(tmp_path).labels == PaperTaskModel.load(trained[0]).labels
    assert training["averaged"] == 2 and training["runs"] == 2
    assert training["papers_seen"] == trained[1]["papers_seen"] + second[1]["papers_seen"]
    assert "dev" not in json.loads((tmp_path / "training.json").read_text(encoding="utf-8"))


def test_what_is_not_alike_is_not_averaged(trained, second, tmp_path):
    with pytest.raises(InputError, match="two models"):
        average([trained[0]], tmp_path)
    with pytest.raises(InputError, match="--overwrite"):
        average([trained[0], second[0]], trained[0])
    for path in second[0].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    names = json.loads((tmp_path / "names.json").read_text(encoding="utf-8"))
    names[0][0][0] += 1
    (tmp_path / "names.json").write_text(json.dumps(names), encoding="utf-8")
    with pytest.raises(InputError, match="other tasks, names or words"):
        average([trained[0], tmp_path], tmp_path / "mean")
    assert not (tmp_path / "mean").exists()


def test_another_backbone_is_told(trained, second, tmp_path):
    for path in second[0].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 1}), encoding="utf-8")
    weights = load_file(tmp_path / "model.safetensors")
    save_file(
        {name: value for name, value in weights.items() if ".layer.1." not in name}, tmp_path / "model.safetensors"
    )
    with pytest.raises(InputError, match="another backbone"):
        average([trained[0], tmp_path], tmp_path / "mean")
