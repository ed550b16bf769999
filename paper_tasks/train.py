"""Fine-tuning with fastai and blurr: the head, then everything, on one cycle each; and the words, for themselves."""

import contextlib
import dataclasses
import json
import signal
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from fastai.callback.core import Callback, CancelFitException
from fastai.callback.schedule import *  # noqa: F403  (adds fit_one_cycle and lr_find to Learner)
from fastai.callback.training import GradientClip
from fastai.learner import Learner
from transformers import PreTrainedTokenizerBase

from deployment.classifier import TEXT_FORMAT, format_paper
from deployment.model_folder import read_config
from paper_tasks import checkpoint, shipped, vocabulary
from paper_tasks.blurr_blocks import PaperTexts, data_loaders, learner
from paper_tasks.errors import InputError, Interrupted
from paper_tasks.label import Labeller
from paper_tasks.losses import LOSSES
from paper_tasks.model import ENCODER_TOKENS, PaperTaskModel, load_backbone
from paper_tasks.names import TEXT_TOKENS, collect_names
from paper_tasks.prepare import indicator, read_labels, read_split
from paper_tasks.words import fit_words


@dataclass(frozen=True)
class TrainOptions:
    """All that a training depends on, besides the papers.

    With `budget_minutes` (wall clock; but for some minutes for the words) the learning rates follow the clock, so that
    the cycle is complete when the time is up, or the epochs are, whichever comes first. Learning rates are the highest
    of the cycle, for the head; the encoder's upper and lower half get less, down to a `lower_divisor`-th. The encoder
    reads the first `short_length` tokens of a text, and `max_length` in the last `long_share` of each cycle, as BERT
    did (Devlin et al., 2019): short texts are more papers a second. What a CPU has no time for, and what pays over many
    epochs, are `dropout` in the encoder and `train_embeddings`. With `start_from`, encoder and head start as those of a
    trained model of the same backbone and tasks, perhaps one that ships: one more cycle, best with another seed.
    """

    backbone: str = "minilm"
    start_from: str | None = None
    budget_minutes: float | None = None
    frozen_epochs: int = 1
    epochs: int = 6
    frozen_share: float = 0.05
    frozen_learning_rate: float = 3e-3
    learning_rate: float = 2e-3
    lower_divisor: float = 30.0
    batch_size: int = 32
    short_length: int = 128
    max_length: int = ENCODER_TOKENS
    long_share: float = 0.25
    loss: str = "bce"
    mask_rate: float = 0.7
    train_embeddings: bool = False
    dropout: float = 0.0
    weight_decay: float = 0.01
    dev_papers: int = 1000
    checkpoint_minutes: float = 3.0
    seed: int = 22


# The head alone; everything.
STAGES = ("frozen", "unfrozen")


@dataclass
class Progress:
    """Where a training stands: what a checkpoint must know to go on from there."""

    stage: int = 0
    epoch: int = 0
    step: int = 0
    papers: int = 0
    seconds: float = 0.0
    stage_started: float = 0.0
    history: list[dict] = dataclasses.field(default_factory=list)

    def start_stage(self, stage: int) -> None:
        """On to the first paper of a stage."""
        self.stage, self.epoch, self.step, self.stage_started = stage, 0, 0, self.seconds


def train(
    prepared_dir: Path,
    output_dir: Path,
    options: TrainOptions,
    resume: bool = False,
    overwrite: bool = False,
    callbacks: Sequence[Callback] = (),
) -> dict:
    """Fine-tunes on `prepared_dir`'s train split and writes model, tokenizer and `training.json` to `output_dir`.

    A training that was killed goes on with `resume`, from its last checkpoint: the same papers in the same order.
    `callbacks` watch it. Returns what it wrote to `training.json`. Raises InputError for a folder that holds another
    training, Interrupted at Ctrl-C.
    """
    folder = output_dir / "checkpoint"
    started = checkpoint.exists(folder)
    if not (resume or overwrite) and (started or (output_dir / "model.safetensors").exists()):
        raise InputError(f"{output_dir} holds a training already: --resume goes on with it, --overwrite starts anew.")
    progress = Progress()
    if resume and started:
        state = checkpoint.load_state(folder)
        if state["options"] != dataclasses.asdict(options):
            changed = [key for key, value in dataclasses.asdict(options).items() if state["options"].get(key) != value]
            raise InputError(
                f"{output_dir} was started with other options: {', '.join(changed)}; use the same to resume."
            )
        progress = Progress(**state["progress"])

    resumed = resume and started
    learn, tokenizer, model = build_learner(prepared_dir, options, progress, folder, callbacks)
    earlier = _record(Path(options.start_from)) if options.start_from else {}
    if resumed:
        checkpoint.load_model(folder, model)
    while progress.stage < len(STAGES):
        _run_stage(learn, options, progress, folder if resumed else None)
        if learn.clock.interrupted:
            raise Interrupted(f"--resume goes on from {folder}.")
        resumed = False
        progress.start_stage(progress.stage + 1)
        if progress.stage == len(STAGES):
            # What is left takes some minutes too.
            learn.clock.save()
    model.encoder_tokens = options.max_length
    with learn.removed_cbs(learn.clock), learn.no_bar():
        _, micro_f1, macro_f1 = learn.validate()
    scores = {"papers": options.dev_papers, "micro_f1": micro_f1, "macro_f1": macro_f1, "threshold": 0.5}
    papers = read_split(prepared_dir, "train")
    model.to("cpu").words = fit_words(papers["masked"].tolist(), indicator(papers["tasks"], model.labels), tokenizer)
    training = dataclasses.asdict(options) | {
        "text_format": TEXT_FORMAT,
        "runs": 1,
        "papers_seen": progress.papers,
        "minutes": round(progress.seconds / 60, 1),
        "dev": scores,
    }
    # Of the model that this one started from, what it learned counts, not where it lay.
    del training["start_from"]
    for name in ("runs", "papers_seen", "minutes"):
        training[name] += earlier.get(name, 0)
    model.save(output_dir, tokenizer, training)
    pd.DataFrame(progress.history).to_csv(output_dir / "history.csv", index=False)
    checkpoint.remove(folder)
    return training


def build_learner(
    prepared_dir: Path,
    options: TrainOptions,
    progress: Progress | None = None,
    folder: Path | None = None,
    callbacks: Sequence[Callback] = (),
) -> tuple[Learner, PreTrainedTokenizerBase, PaperTaskModel]:
    """The Learner, its tokenizer and its model: what a notebook shows batches of and runs `lr_find` on.

    Raises InputError for a backbone that is not there, or reads fewer tokens than `max_length`, and for a trained
    model to start from that is not there, or of another backbone or other tasks.
    """
    torch.manual_seed(options.seed)
    labels = read_labels(prepared_dir)
    train_papers, dev_papers = read_split(prepared_dir, "train"), read_split(prepared_dir, "dev")
    papers = pd.concat([train_papers, dev_papers.head(options.dev_papers)], ignore_index=True)
    papers["text"] = [
        format_paper(title, abstract, TEXT_FORMAT)
        for title, abstract in zip(papers["title"], papers["abstract"], strict=True)
    ]
    truth = indicator(papers["tasks"], labels)
    rows = len(train_papers)

    encoder, tokenizer = load_backbone(options.backbone, options.dropout)
    labeller = Labeller([vocabulary.task(name) for name in labels])
    names, named = collect_names(papers["text"].head(rows).tolist(), labeller, tokenizer)
    model = PaperTaskModel(encoder, labels, names)
    model.check_length(options.max_length)
    frequencies, precisions = _starting_points(truth[:rows], named)
    if options.start_from:
        model.start_from(*_trained(Path(options.start_from), model.state_dict()), precisions)
    else:
        model.start_from_names(tokenizer, papers["text"].head(min(rows, 256)).tolist(), frequencies, precisions)

    texts = PaperTexts(papers["text"], truth[:rows], labels, options.mask_rate, options.seed)
    loaders = data_loaders(
        truth,
        rows,
        model,
        tokenizer,
        texts,
        labels=labels,
        # In characters: of texts that are cut to the same few tokens, more exact ones help little.
        lengths=papers["text"].str.len().tolist(),
        max_length=TEXT_TOKENS,
        batch_size=options.batch_size,
        seed=options.seed,
    )
    learn = learner(
        loaders,
        model,
        LOSSES[options.loss](),
        train_embeddings=options.train_embeddings,
        weight_decay=options.weight_decay,
        callbacks=[GradientClip(1.0), Clock(options, progress or Progress(), texts, folder), *callbacks],
    )
    return learn, tokenizer, model


def _trained(folder: Path, names: Collection[str]) -> tuple[list[str], dict[str, torch.Tensor]]:
    """Labels and weights of a model that `train` wrote, or `export` (then those weights among `names` that it has).

    Raises InputError for a folder that holds neither.
    """
    if shipped.is_shipped(folder):
        return shipped.read(folder, names)
    model = PaperTaskModel.load(folder)
    return model.labels, model.state_dict()


def _record(folder: Path) -> dict:
    """How long a model that `train` wrote, or `export`, was trained, and on how much."""
    if shipped.is_shipped(folder):
        return read_config(folder)["training"]
    return json.loads((folder / "training.json").read_text(encoding="utf-8"))


def _starting_points(truth: np.ndarray, named: list[set[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Share of papers with each label, and of those that name it; truth: (papers, labels), named: of each paper."""
    hits, all_named = np.ones(truth.shape[1]), np.full(truth.shape[1], 2.0)
    for row, places in enumerate(map(list, named)):
        all_named[places] += 1
        hits[places] += truth[row, places]
    return torch.tensor(truth.mean(axis=0), dtype=torch.float32), torch.tensor(hits / all_named, dtype=torch.float32)


class Clock(Callback):
    """Keeps the time: moves the one-cycle schedule, stops at the budget, writes checkpoints and the log."""

    # After fastai has set its own `pct_train`, before its schedulers read it.
    order = ParamScheduler.order - 1  # noqa: F405

    def __init__(self, options: TrainOptions, progress: Progress, texts: PaperTexts, folder: Path | None) -> None:
        self.options, self.progress, self.texts, self.folder = options, progress, texts, folder
        self._mark = self._logged = self._saved = time.monotonic()
        self.interrupted = False

    def before_fit(self) -> None:
        self._resumed_epoch = self.progress.epoch
        self._handlers = {}
        if self.folder is not None:
            for number in (signal.SIGTERM, signal.SIGINT):
                self._handlers[number] = signal.signal(number, self._interrupt)

    def before_epoch(self) -> None:
        if self.epoch < self._resumed_epoch:
            return
        self.progress.epoch = self.epoch
        # A number for the epoch among those of both stages.
        self._number = 1000 * self.progress.stage + self.epoch
        self.texts.start_epoch(self._number)
        self.dls.train.epoch, self.dls.train.skip = self._number, self.progress.step

    def before_batch(self) -> None:
        if not self.training:
            return
        # Dropout depends on seed and step alone: a resumed training has no random state to restore.
        state = np.random.SeedSequence([self.options.seed, self._number, self.progress.step])
        torch.manual_seed(int(state.generate_state(1)[0]))
        self.learn.pct_train = self._share_done(self.progress.step)
        if self.learn.pct_train >= 1:
            raise CancelFitException
        is_long = self.learn.pct_train >= 1 - self.options.long_share
        self.model.hf_model.encoder_tokens = self.options.max_length if is_long else self.options.short_length

    def before_validate(self) -> None:
        self.model.hf_model.encoder_tokens = self.options.max_length

    def after_batch(self) -> None:
        if not self.training:
            return
        self.progress.step += 1
        self.progress.papers += len(self.y)
        now = time.monotonic()
        if now - self._logged > 60:
            self._log(now)
        if self.interrupted or now - self._saved > 60 * self.options.checkpoint_minutes:
            self.save()
        if self.interrupted:
            # Of any other exception fastai would change the words.
            raise CancelFitException

    def after_epoch(self) -> None:
        if self.epoch < self._resumed_epoch:
            return
        self.progress.step = 0
        names = ("epoch", *self.recorder.metric_names[1:-1])
        row = dict(zip(names, (self.epoch, *self.recorder.values[-1]), strict=False))
        self.progress.history.append({"stage": STAGES[self.progress.stage]} | row)

    def after_fit(self) -> None:
        self._tick()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """The time in here counts to no budget."""
        self._tick()
        yield
        self._mark = time.monotonic()

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
        options = self.options
        end = 60 * options.budget_minutes * (options.frozen_share, 1)[self.progress.stage]
        start = self.progress.stage_started
        return (self.progress.seconds - start) / max(end - start, 1e-9)

    def save(self) -> None:
        """Writes a checkpoint, where there is a folder for it."""
        if self.folder is None:
            return
        self._tick()
        state = {"options": dataclasses.asdict(self.options), "progress": dataclasses.asdict(self.progress)}
        checkpoint.save(self.folder, self.model.hf_model, self.opt, state)
        self._saved = time.monotonic()

    def _log(self, now: float) -> None:
        self._logged = now
        if sys.stderr.isatty():
            return
        print(
            f"{STAGES[self.progress.stage]} epoch {self.epoch} step {self.progress.step}: "
            f"{self.learn.pct_train:.1%} of the stage, loss {self.smooth_loss.item():.3f}, "
            f"{self.progress.papers:,} papers in {self.progress.seconds / 60:.1f} minutes",
            file=sys.stderr,
            flush=True,
        )

    def _interrupt(self, *_) -> None:
        self.interrupted = True


def _run_stage(learn: Learner, options: TrainOptions, progress: Progress, resumed: Path | None) -> None:
    stage = STAGES[progress.stage]
    if stage == "unfrozen":
        learn.unfreeze()
        rates = slice(options.learning_rate / options.lower_divisor, options.learning_rate)
    else:
        learn.freeze()
        rates = options.frozen_learning_rate
    if resumed:
        checkpoint.load_optimizer(resumed, learn.opt)
    epochs = (options.frozen_epochs, options.epochs)[progress.stage]
    with contextlib.nullcontext() if sys.stderr.isatty() else learn.no_bar():
        learn.fit_one_cycle(epochs, rates, start_epoch=progress.epoch)
