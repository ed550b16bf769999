"""The recipe of the project that this one follows, on our papers: what its notebook would make of them.

Abstracts alone, one linear layer on the pooled first token, binary cross-entropy, a probability of one half as the
threshold of every task. `make original` trains it; `evaluate` then has a row for it.
"""

import argparse
import contextlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from fastai.callback.core import Callback
from fastai.callback.schedule import *  # noqa: F403  (adds fit_one_cycle to Learner)
from fastai.learner import Learner
from fastai.losses import BCEWithLogitsLossFlat
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from paper_tasks.data.prepare import multi_hot, read_labels, read_split
from paper_tasks.entry import PREPARED, one_sentence_errors, positive
from paper_tasks.errors import InputError
from paper_tasks.evaluation.baselines.baselines import ORIGINAL
from paper_tasks.evaluation.score_cache import label_checksum
from paper_tasks.io import atomic
from paper_tasks.modeling.batches import in_batches
from paper_tasks.modeling.model import dropout_options, minilm_folder
from paper_tasks.training import checkpoint
from paper_tasks.training.fastai_blurr import (
    BaseModelCallback,
    BaseModelWrapper,
    blurr_splitter,
    data_loaders,
    in_half_precision,
)

MAX_LENGTH = 512
BATCH = 32
# For the loss that is shown after each epoch.
DEV_PAPERS = 1000
FROZEN_EPOCHS, FROZEN_RATE = 2, 6.5e-4
EPOCHS, RATES = 3, slice(1.8e-5, 2e-4)


class Epochs(Callback):
    """Another order of the batches in every epoch, and after each a checkpoint in `folder`.

    `state` tells where the training stands: its stage, the epochs of it that are over, the seconds so far.
    """

    def __init__(self, folder: Path, state: dict) -> None:
        self.folder, self.state = folder, state

    def before_fit(self) -> None:
        self._first, self._mark = self.state["epoch"], time.monotonic()

    def before_epoch(self) -> None:
        self.dls.train.epoch = self.epoch

    def after_epoch(self) -> None:
        if self.epoch < self._first:
            return
        now = time.monotonic()
        self.state |= {"epoch": self.epoch + 1, "seconds": self.state["seconds"] + now - self._mark}
        self._mark = now
        checkpoint.save(self.folder, self.model.hf_model, self.opt, self.state)


def train(
    prepared_dir: Path,
    output_dir: Path,
    backbone: str | None = None,
    frozen_epochs: int = FROZEN_EPOCHS,
    epochs: int = EPOCHS,
) -> None:
    """Fine-tunes `backbone` (a folder; by default all-MiniLM-L6-v2) on `prepared_dir`'s train split and writes it to
    `output_dir`, its schedule and a checksum of its labels to `training.json`. A training that was killed goes on after
    its last whole epoch.

    But for the data, two things differ from the original, for lack of time on a CPU: the encoder has no dropout, and
    its layer norms are frozen too when the rest is.

    Raises InputError for a folder that holds a model already, or the checkpoint of another schedule.
    """
    record = output_dir / "training.json"  # written last
    if record.exists():
        raise InputError(f"{output_dir} holds a model already; name another folder, or remove it.")
    stages = [frozen_epochs, epochs]
    folder = output_dir / "checkpoint"
    started = checkpoint.exists(folder)
    state = checkpoint.load_state(folder) if started else {"stages": stages, "stage": 0, "epoch": 0, "seconds": 0.0}
    if state["stages"] != stages:
        raise InputError(
            f"{folder} is of a training of {' and '.join(map(str, state['stages']))} epochs; ask for the same, or "
            "remove it."
        )
    torch.manual_seed(22)
    labels = read_labels(prepared_dir)
    split, dev = read_split(prepared_dir, "train"), read_split(prepared_dir, "dev")
    papers = pd.concat([split, dev.head(DEV_PAPERS)], ignore_index=True)
    source = backbone or minilm_folder()
    tokenizer = AutoTokenizer.from_pretrained(source)
    options = dropout_options(AutoConfig.from_pretrained(source))
    model = AutoModelForSequenceClassification.from_pretrained(source, num_labels=len(labels), **options)
    truth = multi_hot(papers["tasks"], labels)
    loaders = data_loaders(
        truth,
        len(split),
        model,
        tokenizer,
        lambda row: papers["abstract"][row],
        labels=labels,
        lengths=list(map(len, tokenizer(papers["abstract"].tolist())["input_ids"])),
        max_length=min(MAX_LENGTH, tokenizer.model_max_length),
        batch_size=BATCH,
        seed=22,
    )
    learn = in_half_precision(
        Learner(
            loaders,
            BaseModelWrapper(model),
            loss_func=BCEWithLogitsLossFlat(),
            splitter=blurr_splitter,
            train_bn=False,
            cbs=[BaseModelCallback, Epochs(folder, state)],
        )
    )
    if started:
        checkpoint.load_model(folder, model)
        print(f"Goes on from {folder}: stage {state['stage'] + 1}, epoch {state['epoch']} over.", file=sys.stderr)
    with contextlib.nullcontext() if sys.stderr.isatty() else learn.no_bar():
        for stage in range(state["stage"], len(stages)):
            if stage > state["stage"]:
                state |= {"stage": stage, "epoch": 0}
            (learn.freeze, learn.unfreeze)[stage]()
            if state["epoch"]:
                checkpoint.load_optimizer(folder, learn.opt, learn.dls.device)
            learn.fit_one_cycle(stages[stage], (FROZEN_RATE, RATES)[stage], start_epoch=state["epoch"])
    model.save_pretrained(output_dir)
    tokenizer.save_pretrained(output_dir)
    schedule = (
        f"trained for {frozen_epochs} of its {FROZEN_EPOCHS} epochs with the encoder frozen and {epochs} of {EPOCHS} "
        f"with all layers, in {round(state['seconds'] / 60)} minutes"
    )
    atomic.write_json(record, {"schedule": schedule, "labels": label_checksum(truth[: len(split)])})
    checkpoint.remove(folder)


@torch.inference_mode()
def probabilities(folder: Path, texts: Sequence[str]) -> np.ndarray:
    """float32 (texts, labels), of the model that `train` wrote."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    length = min(MAX_LENGTH, tokenizer.model_max_length)
    found = np.empty((len(texts), model.config.num_labels), dtype=np.float32)
    for places, inputs in in_batches(texts, tokenizer, length, "the original's recipe"):
        found[places] = torch.sigmoid(model(**inputs).logits).numpy()
    return found


def main(arguments: list[str] | None = None) -> None:
    """The command line; what fails gets one sentence and exit code 2."""
    parser = argparse.ArgumentParser(
        prog="python -m paper_tasks.evaluation.baselines.original", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--prepared", type=Path, default=PREPARED, help="folder that `prepare` wrote (%(default)s)")
    parser.add_argument("--output", type=Path, default=ORIGINAL, help="folder to write the model to (%(default)s)")
    parser.add_argument(
        "--frozen-epochs", type=positive, default=FROZEN_EPOCHS, help="of the last layer alone (%(default)s)"
    )
    parser.add_argument("--epochs", type=positive, default=EPOCHS, help="of all layers (%(default)s)")
    given = parser.parse_args(arguments)
    with one_sentence_errors():
        train(given.prepared, given.output, frozen_epochs=given.frozen_epochs, epochs=given.epochs)


if __name__ == "__main__":
    main()
