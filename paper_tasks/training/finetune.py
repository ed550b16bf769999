"""Fine-tuning with fastai and blurr: first the head, then everything, one cycle each; and the words by themselves."""

import contextlib
import dataclasses
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from fastai.callback.core import Callback
from fastai.callback.training import GradientClip
from fastai.learner import Learner
from transformers import PreTrainedTokenizerBase

from paper_tasks.data import prepared_folder, vocabulary
from paper_tasks.data.distant_labels import Labeller
from paper_tasks.data.fingerprints import held_out_checksum
from paper_tasks.data.prepared_folder import has_unlabelled, multi_hot, read_labels, read_report, read_split
from paper_tasks.data.targets import UNKNOWN, targets_of
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
from paper_tasks.training.distillation import load_teacher
from paper_tasks.training.fastai_blurr import data_loaders, device_name, learner
from paper_tasks.training.losses import LevelsBCE, LevelsCallback
from paper_tasks.training.options import TrainOptions
from paper_tasks.training.pretrain import read_record
from paper_tasks.training.text_masking import MaskedTexts
from paper_tasks.training.time_budget import Progress, TimeBudget, open_run

# In the first the head trains alone, in the second everything does.
STAGES = ("frozen", "unfrozen")
# Papers that a label's mean similarity is taken from, to start the head.
STARTING_PAPERS = 256
# Least learning rate of the weights by which the head adds up its evidence: few numbers, far from where they start.
SUM_LEARNING_RATE, SUM_FROZEN_RATE = 2e-3, 1e-2


def train(
    prepared_dir: Path,
    output_dir: Path,
    options: TrainOptions,
    resume: bool = False,
    overwrite: bool = False,
    callbacks: Sequence[Callback] = (),
) -> TrainingRecord:
    """Fine-tunes on `prepared_dir`'s train split and writes model, tokenizer and `training.json` to `output_dir`.

    With `resume`, a training that was killed continues from its last checkpoint: the same papers in the same order.
    `callbacks` watch the training. Returns what it wrote to `training.json`.

    Raises InputError for a folder that holds another training, and what `build_learner` raises; Interrupted at Ctrl-C.
    """
    progress, resumed = open_run(output_dir, options, prepared_dir, resume, overwrite)
    folder = output_dir / "checkpoint"
    learn, tokenizer, model = build_learner(prepared_dir, options, progress, folder, callbacks)
    earlier = _record(Path(options.start_from)) if options.start_from else None
    if resumed:
        checkpoint.load_model(resumed, model)
    budget: TimeBudget = learn.time_budget
    while progress.stage < len(STAGES):
        _run_stage(learn, options, progress, resumed)
        resumed = None
        if not budget.stopped:
            progress.start_stage(progress.stage + 1)
            if budget.interrupted or progress.stage == len(STAGES):
                # What comes after the last stage takes some minutes too.
                budget.save()
        if budget.interrupted:
            raise Interrupted(f"--resume continues from {folder}.")
    model.encoder_tokens = options.max_length
    with learn.removed_cbs(budget), learn.no_bar():
        _, micro_f1, macro_f1 = learn.validate()
    scores = DevScores(len(learn.dls.valid_ds), micro_f1, macro_f1, threshold=0.5)
    model.to("cpu")
    if not read_report(prepared_dir).is_read:
        # Readers label too few papers for a linear model; `export` fits one to this model's probabilities.
        papers = read_split(prepared_dir, "train")
        model.words = fit_words(papers["masked"].tolist(), multi_hot(papers["tasks"], model.labels), tokenizer)
    training = _new_record(options, held_out_checksum(prepared_dir), progress, scores, earlier)
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

    folder: for checkpoints; None writes none.

    Raises InputError for:

    - a backbone that is not there, or reads fewer tokens than `max_length`;
    - fewer papers than a batch has, or papers that have all tasks each;
    - a model to start from, or a teacher, that is not there or does not fit.
    """
    torch.manual_seed(options.seed)
    papers = _read_papers(prepared_dir, options)
    encoder, tokenizer = load_backbone(options.backbone, options.dropout)
    teacher = None
    if options.teacher:
        teacher = load_teacher(Path(options.teacher), papers.labels, tokenizer, options.teacher_share)
    tasks = [vocabulary.task(name) for name in papers.labels]
    # A rare alias may stand in no text.
    aliases = [phrase for task in tasks for phrase in (task.name, *task.aliases)]
    names, named = collect_names([*papers.texts[: papers.labelled], *aliases], Labeller(tasks), tokenizer)
    model = PaperTaskModel(encoder, papers.labels, names)
    model.title_end.fill_(tokenizer.get_vocab().get(".", -1))
    check_length(encoder, options.max_length)
    frequencies, precisions = _starting_points(papers.truth[: papers.labelled], named[: papers.labelled])
    if options.start_from:
        model.start_from(*_trained(Path(options.start_from), model.state_dict()), precisions)
    else:
        some = papers.texts[: min(papers.labelled, STARTING_PAPERS)]
        model.start_from_names(tokenizer, some, frequencies, precisions)

    texts = MaskedTexts(papers.texts, papers.truth[: papers.training], papers.labels, options.mask_rate, options.seed)
    targets = papers.targets
    targets[papers.labelled : papers.training] = UNKNOWN
    loaders = data_loaders(
        targets,
        papers.training,
        model,
        tokenizer,
        texts,
        labels=papers.labels,
        # In characters: for texts that are cut to the same few tokens, exact lengths help little.
        lengths=[len(text) for text in papers.texts],
        max_length=TEXT_TOKENS,
        batch_size=options.batch_size,
        seed=options.seed,
    )
    stages = dict(zip(STAGES, (options.frozen_share, 1.0), strict=True))
    budget = TimeBudget(model, options, stages, texts.start_epoch, progress or Progress(), folder)
    learn = learner(
        loaders,
        model,
        LevelsBCE(),
        train_embeddings=options.train_embeddings,
        weight_decay=options.weight_decay,
        callbacks=[
            *(GradientClip(1.0), budget, LengthSchedule(options), LevelsCallback()),
            *([teacher] if teacher else []),
            *callbacks,
        ],
    )
    return learn, tokenizer, model


@dataclass(frozen=True, eq=False)
class _Papers:
    """The papers of a training: first those with labels, then those for a teacher alone, last some development papers.

    truth: 0 and 1, (papers, labels). targets: what the loss reads, (papers, labels). labelled, training: how many
    papers have labels, and how many are trained on.
    """

    texts: list[str]
    truth: np.ndarray
    targets: np.ndarray
    labels: list[str]
    labelled: int
    training: int


def _read_papers(prepared_dir: Path, options: TrainOptions) -> _Papers:
    """Raises InputError for fewer papers than a batch has, or papers that have all tasks each."""
    labels = read_labels(prepared_dir)
    train_papers, dev_papers = read_split(prepared_dir, "train"), read_split(prepared_dir, "dev")
    labelled = len(train_papers)
    if labelled < options.batch_size:
        raise InputError(f"Only {labelled:,} papers to train on; give more, or a smaller --batch-size.")
    if options.teacher and has_unlabelled(prepared_dir):
        unlabelled = read_split(prepared_dir, "unlabelled")
        train_papers = pd.concat([train_papers, unlabelled.assign(tasks=[[]] * len(unlabelled))], ignore_index=True)
    papers = pd.concat([train_papers, dev_papers.head(options.dev_papers)], ignore_index=True)
    targets = targets_of(papers, labels)
    truth = (targets > 0).astype(np.int64)
    if truth[:labelled].all():
        raise InputError(f"In {prepared_dir} every paper has all {len(labels)} tasks, so there is nothing to learn.")
    return _Papers(prepared_folder.texts(papers), truth, targets, labels, labelled, len(train_papers))


def _trained(folder: Path, names: Collection[str]) -> tuple[list[str], dict[str, torch.Tensor]]:
    """Labels and weights of a model that `train` wrote, or `export` (then those weights among `names` that it has).

    Raises InputError for a folder that holds neither.
    """
    if dequantize.is_exported(folder):
        return dequantize.read(folder, names)
    model = PaperTaskModel.load(folder)
    return model.labels, model.state_dict()


def _record(folder: Path) -> TrainingRecord:
    """How a model that `train` or `export` wrote was trained."""
    if dequantize.is_exported(folder):
        return read_config(folder).training
    return read_training(folder)


def _new_record(
    options: TrainOptions, held_out: str, progress: Progress, scores: DevScores, earlier: TrainingRecord | None
) -> TrainingRecord:
    """The record of a training. earlier: that of the model it started from, whose runs, papers and minutes count too.

    The record has what the teacher was, not where it lay.
    """
    others = dataclasses.asdict(options)
    for name in ("backbone", "max_length", "mask_rate", "start_from", "teacher", "teacher_share"):
        del others[name]
    teacher = None
    if options.teacher:
        record = _record(Path(options.teacher))
        teacher = TeacherRecord(record.backbone, record.papers_seen, options.teacher_share)
    pretraining = read_record(options.backbone) or (earlier.pretraining if earlier else None)
    return TrainingRecord(
        backbone=pretraining.backbone if pretraining else options.backbone,
        max_length=options.max_length,
        text_format=TEXT_FORMAT,
        mask_rate=options.mask_rate,
        options=others,
        held_out=held_out,
        pretraining=pretraining,
        runs=1 + (earlier.runs if earlier else 0),
        papers_seen=progress.papers + (earlier.papers_seen if earlier else 0),
        minutes=round(progress.seconds / 60, 1) + (earlier.minutes if earlier else 0),
        device=device_name(),
        teacher=teacher,
        dev=scores,
    )


def _starting_points(truth: np.ndarray, named: list[set[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Share of papers with each label, and share with the label of those that name it; both (labels,).

    truth: (papers, labels). named: for each paper, the indices of the labels that it names.
    """
    hits, all_named = np.ones(truth.shape[1]), np.full(truth.shape[1], 2.0)
    for row, indices in enumerate(map(list, named)):
        all_named[indices] += 1
        hits[indices] += truth[row, indices]
    return torch.tensor(truth.mean(axis=0), dtype=torch.float32), torch.tensor(hits / all_named, dtype=torch.float32)


def _run_stage(learn: Learner, options: TrainOptions, progress: Progress, resumed: Path | None) -> None:
    """Trains one stage, or the rest of it after the checkpoint in `resumed`."""
    if STAGES[progress.stage] == "unfrozen":
        learn.unfreeze()
        rate, lowest = options.learning_rate, options.learning_rate / options.lower_divisor
        rates = np.array([lowest, (lowest * rate) ** 0.5, rate, max(rate, SUM_LEARNING_RATE)])
    else:
        freeze(learn)
        rate = options.frozen_learning_rate
        rates = np.array([0.0, 0.0, rate, max(rate, SUM_FROZEN_RATE)])
    if resumed:
        checkpoint.load_optimizer(resumed, learn.opt, learn.dls.device)
    epochs = (options.frozen_epochs, options.epochs)[progress.stage]
    with learn.time_budget.handle_signals(), contextlib.nullcontext() if sys.stderr.isatty() else learn.no_bar():
        learn.fit_one_cycle(epochs, rates, pct_start=options.warmup_share, start_epoch=progress.epoch)


def freeze(learn: Learner) -> None:
    """Freezes the encoder; the last two of `parameter_groups` are the head."""
    learn.freeze_to(-2)


class LengthSchedule(Callback):
    """How many tokens of a text the encoder reads: fewer in the first part of each stage."""

    order = TimeBudget.order + 1

    def __init__(self, options: TrainOptions) -> None:
        self.options = options

    def before_batch(self) -> None:
        is_long = not self.training or self.pct_train >= 1 - self.options.long_share
        longest, short = self.options.max_length, self.options.short_length
        self.model.hf_model.encoder_tokens = longest if is_long else min(short, longest)
