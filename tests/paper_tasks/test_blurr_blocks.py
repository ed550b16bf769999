import numpy as np
import pandas as pd
import pytest
import torch

from deployment.classifier import TEXT_FORMAT, format_paper
from paper_tasks.blurr_blocks import BaseModelCallback, BaseModelWrapper, PaperTexts, parameter_groups
from paper_tasks.prepare import read_split
from paper_tasks.train import build_learner
from tests.paper_tasks.conftest import tiny_options


@pytest.fixture(scope="module")
def built(prepared, backbone):
    return build_learner(prepared, tiny_options(backbone))


def test_a_learner_on_blurrs_wrapper_and_callback(built):
    learn, _, model = built
    assert isinstance(learn.model, BaseModelWrapper) and learn.model.hf_model is model
    assert any(isinstance(callback, BaseModelCallback) for callback in learn.cbs)


def test_batches_keep_special_tokens_when_cut(built, prepared):
    learn, tokenizer, _ = built
    inputs, targets = learn.dls.train.one_batch()
    assert inputs["input_ids"].shape[1] <= 64
    for ids, mask in zip(inputs["input_ids"], inputs["attention_mask"], strict=True):
        kept = ids[mask.bool()].tolist()
        assert (kept[0], kept[-1]) == (tokenizer.bos_token_id, tokenizer.eos_token_id)
    assert targets.shape == (16, len(learn.dls.vocab)) and set(targets.unique().tolist()) == {0.0, 1.0}


def test_training_reads_what_serving_reads(built, prepared):
    learn, tokenizer, _ = built
    first = read_split(prepared, "dev").iloc[0]
    text = format_paper(first["title"], first["abstract"], TEXT_FORMAT)
    expected = tokenizer(text, truncation=True, max_length=64)["input_ids"]
    inputs = [x for x, _ in learn.dls.valid]
    rows = [pair for x in inputs for pair in zip(x["input_ids"], x["attention_mask"], strict=True)]
    assert expected in [ids[mask.bool()].tolist() for ids, mask in rows]


def test_show_batch_and_lr_find_work(built, capsys):
    learn, _, _ = built
    learn.dls.show_batch(dataloaders=learn.dls, max_n=2, trunc_at=200)
    before = {name: value.clone() for name, value in learn.model.state_dict().items()}
    with learn.no_bar():
        suggestion = learn.lr_find(num_it=20, show_plot=False)
    assert 1e-7 < suggestion.valley < 10
    for name, value in learn.model.state_dict().items():
        torch.testing.assert_close(value, before[name])


def test_parameter_groups_hold_every_parameter_once(built):
    learn, _, model = built
    groups = parameter_groups(learn.model, train_embeddings=True)
    ids = [id(parameter) for group in groups for parameter in group]
    assert len(groups) == 3 and len(ids) == len(set(ids))
    assert set(ids) == {id(parameter) for parameter in model.parameters()}
    head = {id(parameter) for parameter in model.head.parameters()}
    assert head == {id(parameter) for parameter in groups[2]}


def test_masking_depends_on_seed_epoch_and_row_alone():
    papers = pd.DataFrame({"text": [f"plain {n}" for n in range(200)], "masked": [f"masked {n}" for n in range(200)]})

    def drawn(epoch, seed=1):
        texts = PaperTexts(papers, train_rows=150, mask_rate=0.5, seed=seed)
        texts.start_epoch(epoch)
        return [texts(row).startswith("masked") for row in range(200)]

    assert drawn(3) == drawn(3) and drawn(3) != drawn(4) and drawn(3) != drawn(3, seed=2)
    assert 50 < np.sum(drawn(3)) < 100
    assert not any(drawn(3)[150:])


def test_the_order_depends_on_seed_and_epoch_and_can_be_entered_midway(built):
    train = built[0].dls.train

    def order(epoch, skip=0):
        train.epoch, train.skip = epoch, skip
        return list(train.get_idxs())

    assert order(1) == order(1) != order(2)
    assert order(1, skip=3) == order(1)[3 * train.bs :]
    assert sorted(order(1)) == list(range(len(train.dataset)))
    train.skip = 0
