"""A training's clock: a one-cycle schedule that ends with a budget of time, checkpoints, and going on from them."""

import contextlib
import dataclasses
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from fastai.callback.core import Callback, CancelFitException
from fastai.callback.schedule import ParamScheduler
from fastai.torch_core import find_bs

from paper_tasks.data.fingerprints import folder_checksum
from paper_tasks.errors import InputError
from paper_tasks.training import checkpoint


class Options(Protocol):
    """What a clock asks of the options of a training, a dataclass of numbers and strings."""

    budget_minutes: float | None
    checkpoint_minutes: float
    seed: int


@dataclass
class Progress:
    """Where a training stands: what a checkpoint must know to go on from there. `data` tells its papers from others."""

    stage: int = 0
    epoch: int = 0
    step: int = 0
    papers: int = 0
    seconds: float = 0.0
    stage_started: float = 0.0
    history: list[dict] = dataclasses.field(default_factory=list)
    data: str = ""

    def start_stage(self, stage: int) -> None:
        """On to the first paper of a stage."""
        self.stage, self.epoch, self.step, self.stage_started = stage, 0, 0, self.seconds


def open_run(
    output_dir: Path, options: Any, prepared_dir: Path, resume: bool, overwrite: bool
) -> tuple[Progress, Path | None]:
    """Where a training into `output_dir` stands, and the checkpoint it goes on from: None at its beginning.

    Raises InputError for a folder that holds another training, or one with other options or papers.
    """
    data = folder_checksum(prepared_dir, "train", None)
    folder = output_dir / "checkpoint"
    started = checkpoint.exists(folder)
    if started and not (resume or overwrite):
        raise InputError(f"{output_dir} holds a training already: --resume goes on with it, --overwrite starts anew.")
    if not started:
        check_free(output_dir, overwrite)
    if not (resume and started):
        return Progress(data=data), None
    state = checkpoint.load_state(folder)
    now = dataclasses.asdict(options)
    if state["options"] != now:
        changed = [key for key, value in now.items() if state["options"].get(key) != value]
        raise InputError(f"{output_dir} was started with other options: {', '.join(changed)}; use the same to resume.")
    if state["progress"].get("data") != data:
        raise InputError(f"{output_dir} was started with other papers than {prepared_dir} has; use the same to resume.")
    return Progress(**state["progress"]), folder


def check_free(output_dir: Path, overwrite: bool) -> None:
    """Raises InputError if there is a trained model that may not be replaced."""
    if not overwrite and (output_dir / "model.safetensors").exists():
        raise InputError(f"{output_dir} holds a finished training: --overwrite replaces it.")


class TimeBudget(Callback):
    """Keeps the time: moves the one-cycle schedule, stops at the budget, writes checkpoints and the log."""

    # After fastai has set its own `pct_train`, before its schedulers read it.
    order = ParamScheduler.order - 1

    def __init__(
        self,
        model: torch.nn.Module,
        options: Options,
        stages: Mapping[str, float],
        start_epoch: Callable[[int], None],
        progress: Progress,
        folder: Path | None,
    ) -> None:
        """model: what a checkpoint in `folder` keeps; without a folder there are none. stages: their names, in order,
        and the share of the budget after which each is over. start_epoch: told the number of each epoch that begins,
        among those of all stages.
        """
        self._weights, self.options, self.progress, self.folder = model, options, progress, folder
        self._stages, self._ends, self._start_epoch = [*stages], [*stages.values()], start_epoch
        self._mark = self._logged = self._saved = time.monotonic()
        # Told to stop; and stopped for that, within a stage.
        self.interrupted = self.stopped = False

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """In here Ctrl-C, and what a host ends programs with, have a checkpoint written, where there is a folder."""
        numbers = (signal.SIGTERM, signal.SIGINT) if self.folder is not None else ()
        handlers = {number: signal.signal(number, self._interrupt) for number in numbers}
        try:
            yield
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def before_fit(self) -> None:
        if self.folder is not None and not self.progress.papers:
            # That of a training which this one replaces: not before all that may be wrong with this one is known, and
            # not after a kill that it would outlive.
            checkpoint.remove(self.folder)
        self._resumed_epoch = self.progress.epoch

    def before_epoch(self) -> None:
        if self.epoch < self._resumed_epoch:
            return
        self.progress.epoch = self.epoch
        self._number = 1000 * self.progress.stage + self.epoch
        self._start_epoch(self._number)
        self.dls.train.epoch, self.dls.train.skip = self._number, self.progress.step

    def before_batch(self) -> None:
        if not self.training:
            return
        # Dropout depends on seed and step alone: a resumed training has no random state to restore.
        state = np.random.SeedSequence([self.options.seed, self._number, self.progress.step])
        torch.manual_seed(int(state.generate_state(1)[0]))
        self.learn.pct_train = min(1.0, self._share_done(self.progress.step))

    def after_batch(self) -> None:
        if not self.training:
            return
        self.progress.step += 1
        self.progress.papers += find_bs(self.yb)
        now = time.monotonic()
        if now - self._logged > 60:
            self._log(now)
        if self.interrupted or now - self._saved > 60 * self.options.checkpoint_minutes:
            self.save()
        # Here, and not before a batch: by then fastai's MixedPrecision has entered an autocast that it would never
        # leave, with a copy of the weights that never changes. And of other exceptions fastai changes the words.
        self.stopped = self.interrupted
        if self.stopped or self._share_of_time() >= 1:
            raise CancelFitException

    def after_epoch(self) -> None:
        if self.epoch < self._resumed_epoch:
            return
        self.progress.step = 0
        names = ("epoch", *self.recorder.metric_names[1:-1])
        row = dict(zip(names, (self.epoch, *self.recorder.values[-1]), strict=False))
        self.progress.history.append({"stage": self._stages[self.progress.stage]} | row)

    def after_fit(self) -> None:
        self._tick()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """The time in here counts to no budget."""
        self._tick()
        yield
        self._mark = time.monotonic()

    def save(self) -> None:
        """Writes a checkpoint, where there is a folder for it."""
        if self.folder is None:
            return
        self._tick()
        state = {"options": dataclasses.asdict(self.options), "progress": dataclasses.asdict(self.progress)}
        checkpoint.save(self.folder, self._weights, self.opt, state)
        self._saved = time.monotonic()

    def _tick(self) -> None:
        now = time.monotonic()
        self.progress.seconds += now - self._mark
        self._mark = now

    def _share_done(self, step: int) -> float:
        done = (self.epoch + step / len(self.dls.train)) / self.n_epoch
        return max(done, self._share_of_time())

    def _share_of_time(self) -> float:
        self._tick()
        if self.options.budget_minutes is None:
            return 0.0
        end = 60 * self.options.budget_minutes * self._ends[self.progress.stage]
        start = self.progress.stage_started
        return (self.progress.seconds - start) / max(end - start, 1e-9)

    def _log(self, now: float) -> None:
        self._logged = now
        if sys.stderr.isatty():
            return
        print(
            f"{self._stages[self.progress.stage]} epoch {self.epoch} step {self.progress.step}: "
            f"{self.learn.pct_train:.1%} of the stage, loss {self.smooth_loss.item():.3f}, "
            f"{self.progress.papers:,} papers in {self.progress.seconds / 60:.1f} minutes",
            file=sys.stderr,
            flush=True,
        )

    def _interrupt(self, *_) -> None:
        self.interrupted = True
