from fastai.callback.core import Callback

from paper_tasks.clock import Clock
from paper_tasks.train import train
from tests.paper_tasks.conftest import tiny_options


def test_a_budget_ends_a_stage_between_two_batches(prepared, backbone, tmp_path, monkeypatch):
    """Whatever enters something before a batch, as fastai's mixed precision on a GPU does, leaves it after the loss."""

    class Entered(Callback):
        # That of fastai's MixedPrecision.
        order, depth, batches = 10, 0, 0

        def before_batch(self):
            assert Entered.depth == 0
            Entered.depth += 1
            Entered.batches += 1

        def after_loss(self):
            Entered.depth -= 1

    monkeypatch.setattr(Clock, "_share_of_time", lambda clock: clock.progress.step / 3)
    options = tiny_options(backbone, frozen_epochs=2, epochs=2, budget_minutes=1.0)
    training = train(prepared, tmp_path, options, callbacks=[Entered()])
    # Three batches of each stage, and those of the validation at the end: no epoch was whole.
    assert training["papers_seen"] == 6 * options.batch_size
    assert Entered.batches > 6 and Entered.depth == 0
