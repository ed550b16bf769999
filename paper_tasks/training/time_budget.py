"""A training within a budget of time: a schedule that ends with it, checkpoints, and resuming from them."""

import contextlib
import dataclasses
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from fastai.callback.core import Callback, CancelFitException
from fastai.callback.schedule import ParamScheduler
from fastai.torch_core import find_bs

from paper_tasks.data.fingerprints import folder_checksum
from paper_tasks.errors import InputError
from paper_tasks.training import checkpoint

LOG_SECONDS = 60


class RunOptions(Protocol):
    """What a budget needs of the options of a training, a dataclass of numbers and strings."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def budget_minutes(self) -> float | None: ...
    @property
    def checkpoint_minutes(self) -> float: ...
    @property
    def seed(self) -> int: ...


@dataclass
class Progress:
    """How far a training has come: all that a checkpoint needs to resume it.

    Attributes:
        papers: papers read so far, each as often as it was read.
        seconds: time counted against the budget so far; `stage_started` is its value when the stage began.
        history: a row of scores for each epoch.
        data: checksum of the prepared papers.
    """

    stage: int = 0
    epoch: int = 0
    step: int = 0
    papers: int = 0
    seconds: float = 0.0
    stage_started: float = 0.0
    history: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    data: str = ""

    def start_stage(self, stage: int) -> None:
        """Sets epoch and step to the beginning of a stage."""
        self.stage, self.epoch, self.step, self.stage_started = stage, 0, 0, self.seconds


def open_run(
    output_dir: Path, options: RunOptions, prepared_dir: Path, resume: bool, overwrite: bool
) -> tuple[Progress, Path | None]:
    """How far a training into `output_dir` has come, and the checkpoint that it resumes from: None at its beginning.

    Raises InputError for a folder that holds another training, or one with other options or papers.
    """
    data = folder_checksum(prepared_dir, "train", None)
    folder = output_dir / "checkpoint"
    has_checkpoint = checkpoint.exists(folder)
    if has_checkpoint and not (resume or overwrite):
        raise InputError(f"{output_dir} holds a training already: --resume continues it, --overwrite starts anew.")
    if not has_checkpoint:
        check_free(output_dir, overwrite)
    if not (resume and has_checkpoint):
        return Progress(data=data), None
    state = checkpoint.load_state(folder)
    now = dataclasses.asdict(options)
    if state["options"] != now:
        changed = [name for name, value in now.items() if state["options"].get(name) != value]
        raise InputError(f"{output_dir} was started with other options: {', '.join(changed)}; use the same to resume.")
    if state["progress"].get("data") != data:
        raise InputError(f"{output_dir} was started with other papers than {prepared_dir} has; use the same to resume.")
    return Progress(**state["progress"]), folder


def check_free(output_dir: Path, overwrite: bool) -> None:
    """Raises InputError if a folder holds a trained model that may not be replaced."""
    if not overwrite and (output_dir / "model.safetensors").exists():
        raise InputError(f"{output_dir} holds a finished training: --overwrite replaces it.")


class TimeBudget(Callback):
    """Moves the one-cycle schedule with the time, ends a stage at its share of it, writes checkpoints and the log.

    Attributes:
        progress: how far the training has come.
        interrupted: whether a signal asked the training to end.
        stopped: whether that ended it within a stage.
    """

    # After fastai has set its own `pct_train`, before its schedulers read it.
    order = ParamScheduler.order - 1

    def __init__(
        self,
        model: torch.nn.Module,
        options: RunOptions,
        stages: Mapping[str, float],
        start_epoch: Callable[[int], None],
        progress: Progress,
        folder: Path | None,
    ) -> None:
        """model: what checkpoints in `folder` keep; without a folder there are none. stages: each stage's name and the
        share of the budget at which it ends, in order. start_epoch: called with the number of each epoch that starts,
        which no epoch of another stage has.
        """
        self._checkpoint_model, self.options, self.progress, self.folder = model, options, progress, folder
        self._stages, self._ends, self._start_epoch = [*stages], [*stages.values()], start_epoch
        self._counted_until = self._logged = self._saved = time.monotonic()
        self.interrupted = self.stopped = False

    @contextlib.contextmanager
    def handle_signals(self) -> Iterator[None]:
        """In here SIGINT (Ctrl-C) and SIGTERM write a checkpoint, if there is a folder for it, and end the training."""
        numbers = (signal.SIGTERM, signal.SIGINT) if self.folder is not None else ()
        handlers = {number: signal.signal(number, self._interrupt) for number in numbers}
        try:
            yield
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def before_fit(self) -> None:
        if self.folder is not None and not self.progress.papers:
            # A checkpoint of the training that this one replaces. Only now is it known that this one can start, and
            # after a kill the old checkpoint must not be there.
            checkpoint.remove(self.folder)
        self._resumed_epoch = self.progress.epoch

    def before_epoch(self) -> None:
        if self.epoch < self._resumed_epoch:
            return
        self.progress.epoch = self.epoch
        self._epoch_number = 1000 * self.progress.stage + self.epoch
        self._start_epoch(self._epoch_number)
        self.dls.train.epoch, self.dls.train.skip = self._epoch_number, self.progress.step

    def before_batch(self) -> None:
        if not self.training:
            return
        # Dropout depends on seed and step alone, so that a resumed training has no random state to restore.
        state = np.random.SeedSequence([self.options.seed, self._epoch_number, self.progress.step])
        torch.manual_seed(int(state.generate_state(1)[0]))
        self.learn.pct_train = min(1.0, self._share_done(self.progress.step))

    def after_batch(self) -> None:
        if not self.training:
            return
        self.progress.step += 1
        self.progress.papers += find_bs(self.yb)
        now = time.monotonic()
        if now - self._logged > LOG_SECONDS:
            self._log(now)
        if self.interrupted or now - self._saved > 60 * self.options.checkpoint_minutes:
            self.save()
        # Here, and not before a batch: by then fastai's MixedPrecision has entered an autocast that it would never
        # leave, with a copy of the weights that never changes. And fastai changes the message of other exceptions.
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
        self._count_time()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """The time in here counts against no budget."""
        self._count_time()
        yield
        self._counted_until = time.monotonic()

    def save(self) -> None:
        """Writes a checkpoint, if there is a folder for it."""
        if self.folder is None:
            return
        self._count_time()
        state = {"options": dataclasses.asdict(self.options), "progress": dataclasses.asdict(self.progress)}
        checkpoint.save(self.folder, self._checkpoint_model, self.opt, state)
        self._saved = time.monotonic()

    def _count_time(self) -> None:
        now = time.monotonic()
        self.progress.seconds += now - self._counted_until
        self._counted_until = now

    def _share_done(self, step: int) -> float:
        """How much of the stage is done, 0 to 1: of its epochs or of its time, whichever is more."""
        done = (self.epoch + step / len(self.dls.train)) / self.n_epoch
        return float(max(done, self._share_of_time()))

    def _share_of_time(self) -> float:
        self._count_time()
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

    def _interrupt(self, *_: Any) -> None:
        self.interrupted = True
