"""Fine-tuning with fastai and blurr: the head, then everything, on one cycle each; and the words, for themselves."""

import contextlib
import dataclasses
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from fastai.callback.core import Callback
from fastai.callback.schedule import *  # noqa: F403  (adds fit_one_cycle and lr_find to Learner)
from fastai.callback.training import GradientClip
from fastai.learner import Learner
from transformers import PreTrainedTokenizerBase

from paper_tasks.data import prepare, vocabulary
from paper_tasks.data.distant_labels import Labeller
from paper_tasks.data.fingerprints import held_out_checksum
from paper_tasks.data.prepared_folder import has_unlabelled, multi_hot, read_labels, read_split
from paper_tasks.errors import InputError, Interrupted
from paper_tasks.export import dequantize
from paper_tasks.modeling.backbones import check_length, load_backbone
from paper_tasks.modeling.model import PaperTaskModel, read_training
from paper_tasks.modeling.name_matcher import TEXT_TOKENS, collect_names
from paper_tasks.modeling.ngram_svm import fit_words
from paper_tasks.tagger.config import DevScores, TeacherRecord, TrainingRecord
from paper_tasks.tagger.model_folder import read_config
from paper_tasks.tagger.text import TEXT_FORMAT
from paper_tasks.training import checkpoint
from paper_tasks.training.distillation import UNKNOWN, load_teacher
from paper_tasks.training.fastai_blurr import PaperTexts, data_loaders, device_name, learner
from paper_tasks.training.losses import SummedBCE
from paper_tasks.training.options import TrainOptions
from paper_tasks.training.pretrain import read_record
from paper_tasks.training.time_budget import Progress, TimeBudget, open_run

# The head alone; everything.
STAGES = ("frozen", "unfrozen")


def train(
    prepared_dir: Path,
    output_dir: Path,
    options: TrainOptions,
    resume: bool = False,
    overwrite: bool = False,
    callbacks: Sequence[Callback] = (),
) -> TrainingRecord:
    """Fine-tunes on `prepared_dir`'s train split and writes model, tokenizer and `training.json` to `output_dir`.

    A training that was killed goes on with `resume`, from its last checkpoint: the same papers in the same order.
    `callbacks` watch it. Returns what it wrote to `training.json`. Raises InputError for a folder that holds another
    training, Interrupted at Ctrl-C.
    """
    progress, resumed = open_run(output_dir, options, prepared_dir, resume, overwrite)
    folder = output_dir / "checkpoint"
    learn, tokenizer, model = build_learner(prepared_dir, options, progress, folder, callbacks)
    earlier = _record(Path(options.start_from)) if options.start_from else None
    if resumed:
        checkpoint.load_model(resumed, model)
    while progress.stage < len(STAGES):
        _run_stage(learn, options, progress, resumed)
        resumed = None
        if not learn.time_budget.stopped:
            progress.start_stage(progress.stage + 1)
            if learn.time_budget.interrupted or progress.stage == len(STAGES):
                # What is left then takes some minutes too.
                learn.time_budget.save()
        if learn.time_budget.interrupted:
            raise Interrupted(f"--resume goes on from {folder}.")
    model.encoder_tokens = options.max_length
    with learn.removed_cbs(learn.time_budget), learn.no_bar():
        _, micro_f1, macro_f1 = learn.validate()
    scores = DevScores(len(learn.dls.valid_ds), micro_f1, macro_f1, threshold=0.5)
    papers = read_split(prepared_dir, "train")
    model.to("cpu").words = fit_words(papers["masked"].tolist(), multi_hot(papers["tasks"], model.labels), tokenizer)
    training = _new_record(options, held_out_checksum(prepared_dir), progress, scores, earlier)
    model.save(output_dir, tokenizer, training)
    pd.DataFrame(progress.history).to_csv(output_dir / "history.csv", index=False)
    checkpoint.remove(folder)
    return training


def _new_record(
    options: TrainOptions, held_out: str, progress: Progress, scores: DevScores, earlier: TrainingRecord | None
) -> TrainingRecord:
    """The record of a training. earlier: that of the model it started from, whose runs, papers and minutes count too.

    Of what the model learned from, the record says how good it was, not where it lay.
    """
    chosen = dataclasses.asdict(options)
    for name in ("start_from", "teacher", "teacher_share"):
        del chosen[name]
    teacher = None
    if options.teacher:
        record = _record(Path(options.teacher))
        teacher = TeacherRecord(record.backbone, record.papers_seen, options.teacher_share)
    backbone = chosen.pop("backbone")
    pretraining = read_record(options.backbone) or (earlier and earlier.pretraining)
    return TrainingRecord(
        backbone=pretraining.backbone if pretraining else backbone,
        max_length=chosen.pop("max_length"),
        text_format=TEXT_FORMAT,
        mask_rate=chosen.pop("mask_rate"),
        options=chosen,
        held_out=held_out,
        pretraining=pretraining,
        runs=1 + (earlier.runs if earlier else 0),
        papers_seen=progress.papers + (earlier.papers_seen if earlier else 0),
        minutes=round(progress.seconds / 60, 1) + (earlier.minutes if earlier else 0),
        device=device_name(),
        teacher=teacher,
        dev=scores,
    )


def build_learner(
    prepared_dir: Path,
    options: TrainOptions,
    progress: Progress | None = None,
    folder: Path | None = None,
    callbacks: Sequence[Callback] = (),
) -> tuple[Learner, PreTrainedTokenizerBase, PaperTaskModel]:
    """The Learner, its tokenizer and its model: what a notebook shows batches of and runs `lr_find` on.

    Raises InputError for a backbone that is not there, or reads fewer tokens than `max_length`, for fewer papers than a
    batch has, or papers that have all tasks each, and for a trained model to start from, or to learn from, that is not
    there or does not fit.
    """
    torch.manual_seed(options.seed)
    labels = read_labels(prepared_dir)
    train_papers, dev_papers = read_split(prepared_dir, "train"), read_split(prepared_dir, "dev")
    labelled = len(train_papers)
    if labelled < options.batch_size:
        raise InputError(f"Only {labelled:,} papers to train on; give more, or a smaller --batch-size.")
    if options.teacher and has_unlabelled(prepared_dir):
        unlabelled = read_split(prepared_dir, "unlabelled")
        train_papers = pd.concat([train_papers, unlabelled.assign(tasks=[[]] * len(unlabelled))], ignore_index=True)
    papers = pd.concat([train_papers, dev_papers.head(options.dev_papers)], ignore_index=True)
    papers["text"] = prepare.texts(papers)
    truth = multi_hot(papers["tasks"], labels)
    rows = len(train_papers)
    if truth[:labelled].all():
        raise InputError(f"In {prepared_dir} every paper has all {len(labels)} tasks: there is nothing to tell apart.")

    encoder, tokenizer = load_backbone(options.backbone, options.dropout)
    teacher = load_teacher(Path(options.teacher), labels, tokenizer, options.teacher_share) if options.teacher else None
    labeller = Labeller([vocabulary.task(name) for name in labels])
    names, named = collect_names(papers["text"].head(labelled).tolist(), labeller, tokenizer)
    model = PaperTaskModel(encoder, labels, names)
    check_length(encoder, options.max_length)
    frequencies, precisions = _starting_points(truth[:labelled], named)
    if options.start_from:
        model.start_from(*_trained(Path(options.start_from), model.state_dict()), precisions)
    else:
        model.start_from_names(tokenizer, papers["text"].head(min(labelled, 256)).tolist(), frequencies, precisions)

    texts = PaperTexts(papers["text"], truth[:rows], labels, options.mask_rate, options.seed)
    targets = truth.astype(np.float32)
    targets[labelled:rows] = UNKNOWN
    loaders = data_loaders(
        targets,
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
    stages = dict(zip(STAGES, (options.frozen_share, 1.0), strict=True))
    budget = TimeBudget(model, options, stages, texts.start_epoch, progress or Progress(), folder)
    learn = learner(
        loaders,
        model,
        SummedBCE(),
        train_embeddings=options.train_embeddings,
        weight_decay=options.weight_decay,
        callbacks=[GradientClip(1.0), budget, Lengths(options), *([teacher] if teacher else []), *callbacks],
    )
    return learn, tokenizer, model


def _trained(folder: Path, names: Collection[str]) -> tuple[list[str], dict[str, torch.Tensor]]:
    """Labels and weights of a model that `train` wrote, or `export` (then those weights among `names` that it has).

    Raises InputError for a folder that holds neither.
    """
    if dequantize.is_shipped(folder):
        return dequantize.read(folder, names)
    model = PaperTaskModel.load(folder)
    return model.labels, model.state_dict()


def _record(folder: Path) -> TrainingRecord:
    """How a model that `train` or `export` wrote was trained."""
    if dequantize.is_shipped(folder):
        return read_config(folder).training
    return read_training(folder)


def _starting_points(truth: np.ndarray, named: list[set[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Share of papers with each label, and of those that name it; truth: (papers, labels), named: of each paper."""
    hits, all_named = np.ones(truth.shape[1]), np.full(truth.shape[1], 2.0)
    for row, places in enumerate(map(list, named)):
        all_named[places] += 1
        hits[places] += truth[row, places]
    return torch.tensor(truth.mean(axis=0), dtype=torch.float32), torch.tensor(hits / all_named, dtype=torch.float32)


class Lengths(Callback):
    """How many tokens of a text the encoder reads: fewer in the first part of each stage."""

    order = TimeBudget.order + 1

    def __init__(self, options: TrainOptions) -> None:
        self.options = options

    def before_batch(self) -> None:
        is_long = not self.training or self.pct_train >= 1 - self.options.long_share
        longest, short = self.options.max_length, self.options.short_length
        self.model.hf_model.encoder_tokens = longest if is_long else min(short, longest)


def _run_stage(learn: Learner, options: TrainOptions, progress: Progress, resumed: Path | None) -> None:
    stage = STAGES[progress.stage]
    if stage == "unfrozen":
        learn.unfreeze()
        rates = slice(options.learning_rate / options.lower_divisor, options.learning_rate)
    else:
        learn.freeze()
        rates = options.frozen_learning_rate
    if resumed:
        checkpoint.load_optimizer(resumed, learn.opt, learn.dls.device)
    epochs = (options.frozen_epochs, options.epochs)[progress.stage]
    with learn.time_budget.listening(), contextlib.nullcontext() if sys.stderr.isatty() else learn.no_bar():
        learn.fit_one_cycle(epochs, rates, start_epoch=progress.epoch)
