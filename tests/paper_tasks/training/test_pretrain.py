import json

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from paper_tasks.errors import InputError, Interrupted
from paper_tasks.training import phrases
from paper_tasks.training import pretrain as module
from paper_tasks.training.finetune import build_learner, train
from paper_tasks.training.options import PretrainOptions
from paper_tasks.training.pretrain import PhraseLoss, pretrain
from tests.paper_tasks.conftest import tiny_options


@pytest.fixture(scope="module", autouse=True)
def few_papers():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phrases, "MOST_SHARE", 0.5)
        patch.setattr(phrases, "BURSTS", 1.0)
        yield


def options(backbone, **changes):
    defaults = {"batch_size": 16, "phrases": 2, "learning_rate": 1e-2, "max_length": 64, "dev_papers": 40}
    return PretrainOptions(str(backbone), **defaults | changes)


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory, prepared, backbone):
    folder = tmp_path_factory.mktemp("phrases")
    return folder, pretrain(prepared, folder, options(backbone, epochs=8), overwrite=True)


def test_an_encoder_learns_what_its_texts_have_lost(pretrained, backbone):
    folder, record = pretrained
    history = pd.read_csv(folder / "history.csv")
    assert list(history["stage"]) == ["phrases"] * 8
    assert history["valid_loss"].iloc[-1] < history["valid_loss"].iloc[0] - 0.2
    assert record.to_json() == json.loads((folder / "pretraining.json").read_text(encoding="utf-8"))
    assert record.papers_seen > 7 * 150 and record.different_phrases > 20
    before, after = (load_file(path / "model.safetensors") for path in (backbone, folder))
    assert all(not torch.equal(after[name], before[name]) for name in before)
    assert not (folder / "checkpoint").exists()


def test_a_training_takes_it_as_a_backbone_and_records_it(pretrained, prepared, backbone, tmp_path):
    folder, record = pretrained
    _, _, model = build_learner(prepared, tiny_options(folder))
    weights = load_file(folder / "model.safetensors")
    for name, value in model.encoder.state_dict().items():
        torch.testing.assert_close(value, weights[name])
    training = train(prepared, tmp_path, tiny_options(folder, epochs=1))
    assert training.backbone == str(backbone) and training.pretraining == record
    # So does a training that starts from that one.
    more = train(prepared, tmp_path / "more", tiny_options(folder, epochs=1, start_from=str(tmp_path)))
    assert more.pretraining == record and more.runs == 2


def test_phrases_that_a_text_keeps_are_no_wrong_answers():
    lost, kept = torch.tensor([[True, False, False]]), torch.tensor([[False, True, False]])
    for similar in (-3.0, 3.0):
        loss = PhraseLoss()(torch.tensor([[1.0, similar, 0.0]]), (lost, kept))
        # The text has to find phrase 0 beside phrase 2; phrase 0 has no wrong text.
        torch.testing.assert_close(loss, (torch.tensor(1.0).exp().reciprocal() + 1).log() / 2)


@pytest.mark.slow
def test_an_interrupted_pretraining_continues_to_the_same_weights(prepared, backbone, tmp_path, monkeypatch):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    pretrain(prepared, whole, options(backbone, epochs=3))
    after_batch = module.TimeBudget.after_batch

    def interrupted(budget):
        budget.interrupted = budget.training and budget.epoch == 1 and budget.progress.step == 2
        after_batch(budget)

    with monkeypatch.context() as patch, pytest.raises(Interrupted, match="--resume continues"):
        patch.setattr(module.TimeBudget, "after_batch", interrupted)
        pretrain(prepared, broken, options(backbone, epochs=3))
    with pytest.raises(InputError, match="other options: epochs"):
        pretrain(prepared, broken, options(backbone, epochs=4), resume=True)
    pretrain(prepared, broken, options(backbone, epochs=3), resume=True)
    first, second = (load_file(path / "model.safetensors") for path in (whole, broken))
    for name in first:
        torch.testing.assert_close(first[name], second[name], rtol=0, atol=0)


def test_a_pretraining_is_not_overwritten_unasked(pretrained, prepared, backbone):
    with pytest.raises(InputError, match="--overwrite"):
        pretrain(prepared, pretrained[0], options(backbone))
