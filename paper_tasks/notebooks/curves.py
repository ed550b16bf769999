"""The loss of every training step, and the scores on development papers several times in each stage."""

import pandas as pd
import torch
from fastai.callback.core import Callback
from fastai.learner import Recorder
from fastai.torch_core import find_bs

from paper_tasks.training.fastai_blurr import macro_f1, micro_f1
from paper_tasks.training.finetune import STAGES


class Curves(Callback):
    """A callback for `train`. The time of scoring does not count for the training's budget.

    Attributes:
        steps: a row for each step, with its stage, its loss, and the loss as fastai smooths it.
        scores: loss and F1 (at a probability of one half) on the development papers: after the first step of each
            stage, `points` - 1 times in between, and after the last step. The training starts with step 1.
    """

    # After fastai smooths the loss, and before the time budget, which may end the stage with this step.
    order = Recorder.order + 5

    def __init__(self, points: int = 4) -> None:
        self._points = points
        self._steps: list[dict] = []
        self._scores: list[dict] = []

    @property
    def steps(self) -> pd.DataFrame:
        return pd.DataFrame(self._steps, columns=["stage", "step", "loss", "smooth_loss"])

    @property
    def scores(self) -> pd.DataFrame:
        return pd.DataFrame(self._scores, columns=["stage", "step", "papers", "loss", "micro_f1", "macro_f1"])

    def before_fit(self) -> None:
        self._due = 0.0

    def after_batch(self) -> None:
        if not self.training:
            return
        # The time budget counts this step's papers after this callback.
        self._papers = self.time_budget.progress.papers + find_bs(self.yb)
        row = {"stage": STAGES[self.time_budget.progress.stage], "step": len(self._steps) + 1}
        self._steps.append(row | {"loss": self.loss.item(), "smooth_loss": self.smooth_loss.item()})
        if self.pct_train >= self._due:
            self._due = (int(self.pct_train * self._points) + 1) / self._points
            self._score()

    def after_fit(self) -> None:
        if self._steps and (not self._scores or self._scores[-1]["step"] < len(self._steps)):
            self._score()

    def _score(self) -> None:
        with self.time_budget.paused():
            logits, truth = self._predict()
        row = {"stage": self._steps[-1]["stage"], "step": len(self._steps), "papers": self._papers}
        row["loss"] = self.learn.loss_func(logits, truth).item()
        self._scores.append(row | {"micro_f1": micro_f1(logits, truth), "macro_f1": macro_f1(logits, truth)})

    @torch.no_grad()
    def _predict(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits and truth of the development papers, both (papers, labels)."""
        logits, truth = [], []
        # The encoder reads long texts here; the next training batch sets its own length again.
        self.model.hf_model.encoder_tokens = self.time_budget.options.max_length
        self.learn.model.eval()
        for inputs, targets in self.dls.valid:
            logits.append(self.learn.model.hf_model(**inputs).logits.float().cpu())
            truth.append(targets.cpu())
        self.learn.model.train()
        return torch.cat(logits), torch.cat(truth)
