import json
import shutil

import pytest
import torch
from safetensors.torch import load_file

from paper_tasks.errors import InputError
from paper_tasks.modeling.model import PaperTaskModel, read_training
from paper_tasks.training.averaging import average
from paper_tasks.training.finetune import train
from tests.paper_tasks import tiny
from tests.paper_tasks.conftest import tiny_options


@pytest.fixture(scope="module")
def second(tmp_path_factory, prepared, backbone):
    folder = tmp_path_factory.mktemp("second")
    return folder, train(prepared, folder, tiny_options(backbone, epochs=1, seed=23), overwrite=True)


def rewrite(folder, copy, **changes):
    shutil.copytree(folder, copy)
    training = json.loads((copy / "training.json").read_text(encoding="utf-8"))
    (copy / "training.json").write_text(json.dumps(training | changes), encoding="utf-8")
    return copy


def test_encoder_and_head_are_averages_and_the_words_the_first_models(trained, second, tmp_path):
    average([trained[0], second[0]], tmp_path)
    one, other, both = (load_file(folder / "model.safetensors") for folder in (trained[0], second[0], tmp_path))
    assert both.keys() == one.keys()
    for name, tensor in both.items():
        if name.startswith("words."):
            assert torch.equal(tensor, one[name])
        elif tensor.is_floating_point():
            torch.testing.assert_close(tensor, (one[name] + other[name]) / 2)
    assert not torch.equal(one["head.whole.weight"], other["head.whole.weight"])
    assert PaperTaskModel.load(tmp_path).labels == PaperTaskModel.load(trained[0]).labels


def test_the_record_has_what_the_models_share_and_each_models_own(trained, second, tmp_path):
    record = average([trained[0], second[0]], tmp_path)
    assert record.papers_seen == trained[1].papers_seen + second[1].papers_seen
    assert (record.runs, record.options["batch_size"]) == (2, 16)
    assert "seed" not in record.options
    assert [one.options["seed"] for one in record.averaged] == [22, 23]
    assert read_training(tmp_path) == record


def test_models_that_did_not_start_alike_have_no_average(trained, second, prepared, tmp_path):
    with pytest.raises(InputError, match="two models or more"):
        average([trained[0]], tmp_path / "out")
    with pytest.raises(InputError, match="did not start as"):
        average([trained[0], rewrite(second[0], tmp_path / "other", backbone="another")], tmp_path / "out")
    backwards = PaperTaskModel.load(second[0]).labels[::-1]
    with pytest.raises(InputError, match="trained on other papers"):
        average([trained[0], rewrite(second[0], tmp_path / "labels", labels=backwards)], tmp_path / "out")
    with pytest.raises(InputError, match="is no trained model"):
        average([trained[0], tiny.write_backbone(tmp_path / "encoder")], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="--overwrite"):
        average([trained[0], second[0]], trained[0])
