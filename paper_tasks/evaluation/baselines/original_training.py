"""Trains the recipe of the project that this one follows, on our papers.

It reads abstracts alone, has one linear layer on the pooled first token, and is trained with binary cross-entropy.
"""

import contextlib
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from fastai.callback.core import Callback
from fastai.callback.schedule import *  # noqa: F403  (adds fit_one_cycle to Learner)
from fastai.learner import Learner
from fastai.losses import BCEWithLogitsLossFlat
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from paper_tasks.data.prepared_folder import label_matrix, read_labels, read_split
from paper_tasks.errors import InputError
from paper_tasks.evaluation.baselines.original import MAX_LENGTH, RECORD
from paper_tasks.evaluation.options import EPOCHS, FROZEN_EPOCHS, OriginalOptions
from paper_tasks.evaluation.score_cache import label_checksum
from paper_tasks.io import atomic
from paper_tasks.modeling.backbones import MINILM, dropout_options, find_backbone
from paper_tasks.training import checkpoint
from paper_tasks.training.fastai_blurr import (
    BaseModelCallback,
    BaseModelWrapper,
    blurr_splitter,
    data_loaders,
    in_half_precision,
)

BATCH = 32
# The loss that is shown after each epoch is measured on so many papers.
DEV_PAPERS = 1000
# The original's own learning rates, with the encoder frozen and of all layers.
FROZEN_LEARNING_RATE, LEARNING_RATES = 6.5e-4, slice(1.8e-5, 2e-4)
SEED = 22


class EpochCheckpoints(Callback):
    """Shuffles the batches anew in every epoch, and writes a checkpoint to `folder` after each.

    `state` says how far the training is: its `stage`, the `epoch`s of that stage that are done, the `seconds` so far.
    """

    def __init__(self, folder: Path, state: dict[str, Any]) -> None:
        self.folder, self.state = folder, state

    def before_fit(self) -> None:
        self._first_epoch, self._counted_until = self.state["epoch"], time.monotonic()

    def before_epoch(self) -> None:
        self.dls.train.epoch = self.epoch

    def after_epoch(self) -> None:
        if self.epoch < self._first_epoch:
            return
        now = time.monotonic()
        self.state |= {"epoch": self.epoch + 1, "seconds": self.state["seconds"] + now - self._counted_until}
        self._counted_until = now
        checkpoint.save(self.folder, self.model.hf_model, self.opt, self.state)


def train(prepared_dir: Path, output_dir: Path, options: OriginalOptions | None = None) -> None:
    """Fine-tunes the backbone on the train split of `prepared_dir`, and writes the model to `output_dir`.

    `training.json` then has the schedule and a checksum of the labels. A training that was killed continues after its
    last complete epoch.

    Two things differ from the original, because a CPU is slow: the encoder has no dropout, and its layer norms stay
    frozen when its other layers train.

    Raises InputError for a folder that has a model already, or the checkpoint of another schedule.
    """
    options = options or OriginalOptions()
    if (output_dir / RECORD).exists():
        raise InputError(f"{output_dir} has a model already; name another folder, or remove it.")
    stages = [options.frozen_epochs, options.epochs]
    folder = output_dir / "checkpoint"
    started = checkpoint.exists(folder)
    fresh = {"stages": stages, "stage": 0, "epoch": 0, "seconds": 0.0}
    state: dict[str, Any] = checkpoint.load_state(folder) if started else fresh
    if state["stages"] != stages:
        raise InputError(
            f"{folder} is of a training of {' and '.join(map(str, state['stages']))} epochs; ask for the same number, "
            "or remove it."
        )
    torch.manual_seed(SEED)
    labels = read_labels(prepared_dir)
    papers, dev = read_split(prepared_dir, "train"), read_split(prepared_dir, "dev").head(DEV_PAPERS)
    train_truth = label_matrix(papers, labels)
    source, local = find_backbone(options.backbone or MINILM)
    tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=local)
    no_dropout = dropout_options(AutoConfig.from_pretrained(source, local_files_only=local))
    model = AutoModelForSequenceClassification.from_pretrained(
        source, num_labels=len(labels), local_files_only=local, **no_dropout
    )
    learn = _learner(model, tokenizer, papers, dev, labels)
    learn.add_cb(EpochCheckpoints(folder, state))
    if started:
        checkpoint.load_model(folder, model)
        print(f"Continues from {folder}: stage {state['stage'] + 1}, epoch {state['epoch']} done.", file=sys.stderr)
    _fit(learn, folder, state)
    model.save_pretrained(output_dir)
    tokenizer.save_pretrained(output_dir)
    schedule = (
        f"trained for {options.frozen_epochs} of its {FROZEN_EPOCHS} epochs with the encoder frozen "
        f"and {options.epochs} of {EPOCHS} "
        f"with all layers, in {round(state['seconds'] / 60)} minutes"
    )
    atomic.write_json(output_dir / RECORD, {"schedule": schedule, "labels": label_checksum(train_truth)})
    checkpoint.remove(folder)


def _learner(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    train_papers: pd.DataFrame,
    dev_papers: pd.DataFrame,
    labels: list[str],
) -> Learner:
    """fastai's learner of one linear layer on blurr's wrapper of the encoder."""
    papers = pd.concat([train_papers, dev_papers], ignore_index=True)
    abstracts = papers["abstract"].tolist()
    input_ids: Any = tokenizer(abstracts)["input_ids"]
    loaders = data_loaders(
        label_matrix(papers, labels),
        len(train_papers),
        model,
        tokenizer,
        lambda row: abstracts[row],
        labels=labels,
        lengths=list(map(len, input_ids)),
        max_length=min(MAX_LENGTH, tokenizer.model_max_length),
        batch_size=BATCH,
        seed=SEED,
    )
    return in_half_precision(
        Learner(
            loaders,
            BaseModelWrapper(model),
            loss_func=BCEWithLogitsLossFlat(),
            splitter=blurr_splitter,
            train_bn=False,
            cbs=[BaseModelCallback],
        )
    )


def _fit(learn: Learner, folder: Path, state: dict[str, Any]) -> None:
    """Runs the stages that `state` has still to do: the last layer alone, then all layers."""
    stages = ((learn.freeze, FROZEN_LEARNING_RATE), (learn.unfreeze, LEARNING_RATES))
    with contextlib.nullcontext() if sys.stderr.isatty() else learn.no_bar():
        for stage in range(state["stage"], len(stages)):
            if stage > state["stage"]:
                state |= {"stage": stage, "epoch": 0}
            set_trainable, learning_rate = stages[stage]
            set_trainable()
            if state["epoch"]:
                checkpoint.load_optimizer(folder, learn.opt, learn.dls.device)
            learn.fit_one_cycle(state["stages"][stage], learning_rate, start_epoch=state["epoch"])
