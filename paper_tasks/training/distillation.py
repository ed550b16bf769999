"""Soft labels: the probabilities that a larger model, trained before, gives to the texts that a smaller one reads.

A teacher's probabilities say more than labels of 0 and 1 (Hinton et al., 2015). A paper without any label has
probabilities too.
"""

from pathlib import Path

import torch
from fastai.callback.core import Callback
from transformers import PreTrainedTokenizerBase

from paper_tasks.data.targets import FITS, POSITIVE
from paper_tasks.errors import InputError
from paper_tasks.modeling.backbones import read_tokenizer
from paper_tasks.modeling.model import PaperTaskModel, read_training


class Teacher(Callback):
    """Mixes a trained model's probabilities into the labels of each training batch."""

    # After the callbacks that enter an autocast, which begins before a batch too.
    order = 90

    def __init__(self, model: PaperTaskModel, token_ids: torch.Tensor, share: float) -> None:
        """token_ids: (student's vocabulary,), the teacher's id of each token. share: of a known label that is the
        teacher's probability; an unknown label is the teacher's alone.
        """
        self.teacher, self.token_ids, self.share = model.requires_grad_(False).eval(), token_ids, share

    def before_fit(self) -> None:
        self.teacher.to(self.dls.device)
        self.token_ids = self.token_ids.to(self.dls.device)

    def before_batch(self) -> None:
        if not self.training:
            return
        (texts,), (labels,) = self.xb, self.yb
        with torch.no_grad():
            logits = self.teacher(self.token_ids[texts["input_ids"]], texts["attention_mask"]).logits
        self.learn.yb = (soften(labels, torch.sigmoid(logits.float()), self.share),)


def soften(labels: torch.Tensor, probabilities: torch.Tensor, share: float) -> torch.Tensor:
    """Labels of 0 and 1 mixed with `share` of the probabilities; unknown labels become the probabilities.

    All tensors: (batch, labels).
    """
    mixed = torch.where(labels.isnan(), probabilities, torch.lerp(labels, probabilities, share))
    return torch.where((labels == FITS) | (labels == POSITIVE), labels, mixed)


def load_teacher(folder: Path, labels: list[str], tokenizer: PreTrainedTokenizerBase, share: float) -> Teacher:
    """A model that `train` wrote, as the teacher of a student with this tokenizer: its encoder and its names.

    Raises InputError if there is no model, if it has other tasks, or if it splits texts into other tokens.
    """
    model = PaperTaskModel.load(folder)
    if model.labels != labels:
        raise InputError(f"{folder} was trained on other tasks than these papers have; train the teacher on the same.")
    model.encoder_tokens = read_training(folder).max_length
    # Only `export` weighs the words against the rest; at full weight they make the probabilities worse.
    model.words = None
    return Teacher(model, _token_ids(tokenizer, read_tokenizer(folder), folder), share)


def _token_ids(student: PreTrainedTokenizerBase, teacher: PreTrainedTokenizerBase, folder: Path) -> torch.Tensor:
    """(student's vocabulary,), the teacher's id of each token."""
    known = teacher.get_vocab()
    # Special tokens by their role: BERT's [CLS] is MPNet's <s>.
    known |= {
        token: getattr(teacher, f"{name}_id")
        for name, token in student.special_tokens_map.items()
        if isinstance(token, str) and getattr(teacher, f"{name}_id", None) is not None
    }
    vocabulary = student.get_vocab()
    if missing := vocabulary.keys() - known.keys():
        raise InputError(
            f"The teacher in {folder} splits texts into other tokens: it has no '{min(missing)}'. MiniLM, BERT and "
            "MPNet share their tokens, and so do RoBERTa and its relatives."
        )
    ids = torch.zeros(max(vocabulary.values()) + 1, dtype=torch.long)
    for token, index in vocabulary.items():
        ids[index] = known[token]
    return ids
