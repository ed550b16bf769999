from types import SimpleNamespace

import pytest
import torch

from paper_tasks.data.prepared_folder import read_split
from paper_tasks.tagger.text import TEXT_FORMAT, format_paper
from paper_tasks.training import fastai_blurr, finetune
from paper_tasks.training.cpu import ATTENTION
from paper_tasks.training.fastai_blurr import (
    BaseModelCallback,
    BaseModelWrapper,
    CpuBFloat16,
    parameter_groups,
)
from paper_tasks.training.finetune import build_learner
from tests.paper_tasks.conftest import tiny_options


@pytest.fixture(scope="module")
def built(prepared, backbone):
    with pytest.MonkeyPatch.context() as patch:
        # Few enough to cut some texts.
        patch.setattr(finetune, "TEXT_TOKENS", 64)
        yield build_learner(prepared, tiny_options(backbone))


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


def test_processes_prepare_the_same_batches(built, prepared, backbone, monkeypatch):
    # As beside a GPU.
    monkeypatch.setattr(fastai_blurr, "workers", lambda: 2)
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    other, *_ = build_learner(prepared, tiny_options(backbone))
    assert other.dls.train.fake_l.num_workers == 2
    for learn in (built[0], other):
        learn.dls.train.epoch = 3
    for (ours, truth), (theirs, same) in zip(built[0].dls.train, other.dls.train, strict=True):
        length = ours["input_ids"].shape[1]
        assert torch.equal(ours["input_ids"], theirs["input_ids"][:, :length]) and torch.equal(truth, same)


def test_show_batch_and_lr_find_work(built, capsys):
    learn, _, _ = built
    learn.dls.show_batch(dataloaders=learn.dls, max_n=2, trunc_at=200)
    before = {name: value.clone() for name, value in learn.model.state_dict().items()}
    with learn.no_bar():
        suggestion = learn.lr_find(num_it=20, show_plot=False)
    assert 1e-7 < suggestion.valley < 10
    for name, value in learn.model.state_dict().items():
        torch.testing.assert_close(value, before[name])


def test_a_cpu_trains_in_bfloat16_and_is_scored_in_float32():
    callback, layer = CpuBFloat16(), torch.nn.Linear(4, 2)
    for training, inside in ((True, torch.bfloat16), (False, torch.float32)):
        learn = callback.learn = SimpleNamespace(training=training, pred=None)
        callback.before_batch()
        learn.pred = layer(torch.ones(1, 4))
        assert learn.pred.dtype == inside
        callback.after_pred()
        assert learn.pred.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")


def test_a_cpu_trains_with_attention_in_bfloat16(built):
    learn, _, model = built
    callback = CpuBFloat16()
    callback.learn = learn
    before = model.encoder.config._attn_implementation
    callback.before_fit()
    assert model.encoder.config._attn_implementation == ATTENTION
    model.encoder.set_attn_implementation(before)


def test_parameter_groups_hold_every_parameter_once(built):
    learn, _, model = built
    groups = parameter_groups(learn.model, train_embeddings=True)
    ids = [id(parameter) for group in groups for parameter in group]
    assert len(groups) == 4 and len(ids) == len(set(ids))
    assert set(ids) == {id(parameter) for parameter in model.parameters()}
    head = {id(parameter) for parameter in model.head.parameters()}
    assert head == {id(parameter) for parameter in [*groups[2], *groups[3]]}
    assert id(model.head.whole.weight) in map(id, groups[2]) and id(model.head.named) in map(id, groups[3])


def test_the_order_depends_on_seed_and_epoch_and_can_be_entered_midway(built):
    loader = built[0].dls.train

    def order(epoch, skip=0):
        loader.epoch, loader.skip = epoch, skip
        return list(loader.get_idxs())

    assert order(1) == order(1) != order(2)
    assert order(1, skip=3) == order(1)[3 * loader.bs :]
    assert sorted(order(1)) == list(range(len(loader.dataset)))
    loader.skip = 0


def test_a_label_that_no_paper_has_is_not_averaged():
    logits, truth = torch.tensor([[2.0, -1.0, -1.0], [1.0, 1.0, -1.0]]), torch.tensor([[1.0, 0, 0], [1, 1, 0]])
    assert fastai_blurr.macro_f1(logits, truth) == fastai_blurr.micro_f1(logits, truth) == 1
