import dataclasses
import os
import shutil
import signal

import pandas as pd
import pytest
from fastai.callback.core import Callback

from paper_tasks.errors import InputError, Interrupted
from paper_tasks.training import checkpoint
from paper_tasks.training.finetune import train
from paper_tasks.training.time_budget import TimeBudget
from tests.paper_tasks.conftest import tiny_options


@pytest.mark.slow
def test_a_budget_ends_a_stage_between_two_batches(prepared, backbone, tmp_path, monkeypatch):
    """Enters something before a batch and leaves it after the loss, as fastai's mixed precision on a GPU does."""

    class Entered(Callback):
        # The order of fastai's MixedPrecision.
        order, depth, batches = 10, 0, 0

        def before_batch(self):
            assert Entered.depth == 0
            Entered.depth += 1
            Entered.batches += 1

        def after_loss(self):
            Entered.depth -= 1

    monkeypatch.setattr(TimeBudget, "_share_of_time", lambda budget: budget.progress.step / 3)
    options = tiny_options(backbone, frozen_epochs=2, epochs=2, budget_minutes=1.0)
    training = train(prepared, tmp_path, options, callbacks=[Entered()])
    # Three batches of each stage, and those of the validation at the end: no epoch was complete.
    assert training.papers_seen == 6 * options.batch_size
    assert Entered.batches > 6 and Entered.depth == 0


class CtrlC(Callback):
    """Presses Ctrl-C once, in a training batch or in a validation."""

    order = 10

    def __init__(self, training):
        self.when, self.pressed = training, False

    def before_batch(self):
        if self.training == self.when and not self.pressed:
            self.pressed = True
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.slow
@pytest.mark.parametrize("training", [True, False])
def test_ctrl_c_at_any_time_leaves_a_checkpoint_to_continue_from(prepared, backbone, tmp_path, training):
    options, before = tiny_options(backbone, epochs=2), signal.getsignal(signal.SIGINT)
    with pytest.raises(Interrupted, match="--resume continues from"):
        train(prepared, tmp_path / "a", options, callbacks=[CtrlC(training)])
    assert signal.getsignal(signal.SIGINT) == before
    resumed = train(prepared, tmp_path / "a", options, resume=True)
    assert resumed.papers_seen == train(prepared, tmp_path / "b", options).papers_seen


def test_a_training_that_fails_restores_the_handler_of_ctrl_c(prepared, backbone, tmp_path):
    class Fails(Callback):
        def after_batch(self):
            raise MemoryError("no more")

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(MemoryError, match="no more"):
        train(prepared, tmp_path, tiny_options(backbone), callbacks=[Fails()])
    assert signal.getsignal(signal.SIGINT) == before


@pytest.mark.slow
def test_another_training_is_not_continued(prepared, backbone, tmp_path):
    options = tiny_options(backbone, epochs=2)
    with pytest.raises(Interrupted):
        train(prepared, tmp_path / "a", options, callbacks=[CtrlC(True)])
    others = shutil.copytree(prepared, tmp_path / "others")
    papers = pd.read_csv(others / "train.csv", dtype=str, keep_default_na=False)
    papers[::-1].to_csv(others / "train.csv", index=False)
    with pytest.raises(InputError, match="was started with other papers"):
        train(others, tmp_path / "a", options, resume=True)

    class Killed(Callback):
        def before_batch(self):
            raise KeyboardInterrupt

    # A training that cannot start removes nothing.
    with pytest.raises(InputError, match="No backbone"):
        train(prepared, tmp_path / "a", dataclasses.replace(options, backbone="absent/folder "), overwrite=True)
    assert checkpoint.exists(tmp_path / "a" / "checkpoint")
    # It is replaced by a training that is killed before its first checkpoint.
    with pytest.raises(KeyboardInterrupt):
        train(prepared, tmp_path / "a", options, overwrite=True, callbacks=[Killed()])
    assert not checkpoint.exists(tmp_path / "a" / "checkpoint")


def test_fewer_papers_than_a_batch_get_one_sentence(prepared, backbone, tmp_path):
    with pytest.raises(InputError, match="a smaller --batch-size"):
        train(prepared, tmp_path, tiny_options(backbone, batch_size=5000))
