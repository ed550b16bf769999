"""Pretraining on papers, labelled or not: an encoder learns which phrases were cut from a text.

One encoder encodes texts and phrases, and the phrases nearest to a text should be those that were cut from it. This is
contrastive learning (as in van den Oord et al., 2018) on the inverse cloze task (Lee et al., 2019). Names of tasks are
phrases too, so the encoder learns to find them without any label.
"""

import contextlib
import dataclasses
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from fastai.callback.training import GradientClip
from fastai.data.core import DataLoaders
from fastai.learner import Learner
from fastai.optimizer import Adam
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from paper_tasks.data.prepared_folder import has_unlabelled, read_split, texts
from paper_tasks.errors import InputError, Interrupted
from paper_tasks.io import atomic
from paper_tasks.modeling.backbones import check_length, load_backbone
from paper_tasks.modeling.head import mean_pooling
from paper_tasks.tagger.config import PretrainingRecord
from paper_tasks.training import checkpoint
from paper_tasks.training.fastai_blurr import EpochDL, device, device_name, in_half_precision, workers
from paper_tasks.training.options import PretrainOptions
from paper_tasks.training.phrases import Cut, Phrases
from paper_tasks.training.time_budget import TimeBudget, open_run

# Where an encoder's folder has the record of its pretraining.
RECORD = "pretraining.json"
PHRASE_TOKENS = 16

# input_ids and attention_mask of texts, then of phrases.
Inputs = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


class PhraseModel(nn.Module):
    """Similarities of texts and phrases, which one encoder encodes."""

    def __init__(self, encoder: PreTrainedModel, scale: float) -> None:
        super().__init__()
        self.encoder, self.scale = encoder, scale

    def forward(self, inputs: Inputs) -> torch.Tensor:
        """Cosines of all pairs, times `scale`: (texts, phrases)."""
        text_ids, text_mask, phrase_ids, phrase_mask = inputs
        texts, phrases = self.encode(text_ids, text_mask), self.encode(phrase_ids, phrase_mask)
        with torch.autocast(texts.device.type, enabled=False):
            similarities: torch.Tensor = self.scale * texts @ phrases.T
            return similarities

    def encode(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Embeddings of length 1: (batch, sequence) to float (batch, hidden_size)."""
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return F.normalize(mean_pooling(hidden, attention_mask).float(), dim=1)


class PhraseLoss(nn.Module):
    """Softmax cross-entropy in both directions (as in Radford et al., 2021).

    In one, a text has to find each phrase that it lost among the phrases that it never had. In the other, a phrase has
    to find each text that lost it among the texts that never had it.
    """

    def forward(self, similarities: torch.Tensor, answers: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        """similarities: (texts, phrases). answers: boolean, of that shape: what a text lost, and what it kept."""
        lost, kept = answers
        return (_one_way(similarities, lost, kept) + _one_way(similarities.T, lost.T, kept.T)) / 2


def _one_way(similarities: torch.Tensor, right: torch.Tensor, ignored: torch.Tensor) -> torch.Tensor:
    """Minus the log of a right answer's probability among it and the wrong answers; the mean over right answers."""
    # Finite, or a row without a wrong answer would make the gradient NaN.
    wrong = similarities.masked_fill(right | ignored, -1e4).logsumexp(dim=1, keepdim=True)
    return F.softplus(wrong - similarities)[right].mean()


class CutTexts:
    """The texts of some papers by row, each without some of its phrases; seed, epoch and row determine which."""

    def __init__(
        self, phrases: Phrases, rows: np.ndarray, tokenizer: PreTrainedTokenizerBase, options: PretrainOptions
    ) -> None:
        self._phrases, self._rows, self._tokenizer, self._options = phrases, rows, tokenizer, options
        self.start_epoch(0)

    def start_epoch(self, epoch: int) -> None:
        """From now on the cuts are those of this epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Cut:
        row = int(self._rows[index])
        return self._phrases.cut(
            row, self._options.phrases, np.random.default_rng([self._options.seed, self._epoch, row])
        )

    def batch(self, cuts: Sequence[Cut]) -> tuple[Inputs, tuple[torch.Tensor, torch.Tensor]]:
        """The inputs of `PhraseModel`, and the answers for `PhraseLoss`."""
        asked = np.unique(np.concatenate([cut.lost for cut in cuts]))
        lost = np.stack([np.isin(asked, cut.lost) for cut in cuts])
        kept = np.stack([np.isin(asked, cut.had) for cut in cuts]) & ~lost
        texts = self._tokens([cut.text for cut in cuts], self._options.max_length)
        phrases = self._tokens([self._phrases.texts[phrase] for phrase in asked], PHRASE_TOKENS)
        return (*texts, *phrases), (torch.from_numpy(lost), torch.from_numpy(kept))

    def _tokens(self, texts: list[str], most: int) -> tuple[torch.Tensor, torch.Tensor]:
        tokens = self._tokenizer(texts, padding=True, truncation=True, max_length=most, return_tensors="pt")
        return tokens["input_ids"], tokens["attention_mask"]


def pretrain(
    prepared_dir: Path, output_dir: Path, options: PretrainOptions, resume: bool = False, overwrite: bool = False
) -> PretrainingRecord:
    """Pretrains on `prepared_dir`'s train split and its papers without a task, and writes the encoder to `output_dir`.

    The folder has `pretraining.json` and `history.csv` too, and `train` takes it as a backbone. With `resume`, a
    pretraining that was killed continues from its last checkpoint. Returns what it wrote to `pretraining.json`.

    Raises InputError for a folder that holds another training, or for too few papers; Interrupted at Ctrl-C.
    """
    progress, resumed = open_run(output_dir, options, prepared_dir, resume, overwrite)
    torch.manual_seed(options.seed)
    encoder, tokenizer = load_backbone(options.backbone)
    check_length(encoder, options.max_length)
    phrases, rows, dev_rows = _phrases(prepared_dir, options)
    if len(rows) < options.batch_size:
        raise InputError(f"Only {len(rows):,} texts have phrases; give more papers, or a smaller --batch-size.")
    model = PhraseModel(encoder, options.scale)
    train_texts = CutTexts(phrases, rows, tokenizer, options)
    dev_texts = CutTexts(phrases, dev_rows, tokenizer, options)
    loader = partial(EpochDL, bs=options.batch_size, seed=options.seed, num_workers=workers(), device=device())
    budget = TimeBudget(model, options, {"phrases": 1.0}, train_texts.start_epoch, progress, output_dir / "checkpoint")
    learn = Learner(
        DataLoaders(
            loader(
                train_texts,
                res=phrases.lengths[rows].tolist(),
                create_batch=train_texts.batch,
                shuffle=True,
                drop_last=True,
            ),
            loader(dev_texts, res=phrases.lengths[dev_rows].tolist(), create_batch=dev_texts.batch),
        ),
        model,
        loss_func=PhraseLoss(),
        opt_func=partial(Adam, wd=options.weight_decay, eps=1e-8),
        cbs=[GradientClip(1.0), budget],
    )
    learn = in_half_precision(learn)
    if resumed:
        checkpoint.load_model(resumed, model)
        learn.create_opt()
        checkpoint.load_optimizer(resumed, learn.opt, learn.dls.device)
    with budget.handle_signals(), contextlib.nullcontext() if sys.stderr.isatty() else learn.no_bar():
        learn.fit_one_cycle(options.epochs, options.learning_rate, start_epoch=progress.epoch)
    if budget.stopped:
        raise Interrupted(f"--resume continues from {output_dir / 'checkpoint'}.")

    chosen = dataclasses.asdict(options)
    record = PretrainingRecord(
        backbone=chosen.pop("backbone"),
        texts=len(rows),
        different_phrases=len(phrases.texts),
        papers_seen=progress.papers,
        minutes=round(progress.seconds / 60, 1),
        device=device_name(),
        options=chosen,
    )
    encoder.cpu().save_pretrained(output_dir)
    tokenizer.save_pretrained(output_dir)
    pd.DataFrame(progress.history).to_csv(output_dir / "history.csv", index=False)
    atomic.write_json(output_dir / RECORD, record.to_json())
    checkpoint.remove(output_dir / "checkpoint")
    return record


def read_record(backbone: str) -> PretrainingRecord | None:
    """How an encoder was pretrained by `pretrain`; None for any other."""
    path = Path(backbone) / RECORD
    return PretrainingRecord.from_json(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def _phrases(prepared_dir: Path, options: PretrainOptions) -> tuple[Phrases, np.ndarray, np.ndarray]:
    """The phrases of all papers, the rows of the papers to learn from, and the rows of development papers."""
    parts = [read_split(prepared_dir, "train")]
    if has_unlabelled(prepared_dir):
        parts.append(read_split(prepared_dir, "unlabelled"))
    parts.append(read_split(prepared_dir, "dev").head(options.dev_papers))
    papers = pd.concat(parts, ignore_index=True)
    training = len(papers) - len(parts[-1])
    phrases = Phrases(texts(papers), papers["keywords"], counted=training)
    # A text needs one phrase to lose and one to keep.
    rows = np.flatnonzero(phrases.different > 1)
    return phrases, rows[rows < training], rows[rows >= training]
