"""Soft labels: what a larger model, trained before, makes of the very texts that a smaller one reads.

A teacher's probabilities tell more than labels of 0 and 1 do (Hinton et al., 2015), and it has some for papers that
have no label at all.
"""

from pathlib import Path

import torch
from fastai.callback.core import Callback
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from paper_tasks.errors import InputError
from paper_tasks.modeling.model import PaperTaskModel, read_training

# What a paper without a label has for each: all that its student learns of it comes from the teacher.
UNKNOWN = float("nan")


class Teacher(Callback):
    """Mixes a trained model's probabilities into the labels of each training batch."""

    # Within the autocast of whoever has one: it begins before a batch, too.
    order = 90

    def __init__(self, model: PaperTaskModel, token_ids: torch.Tensor, share: float) -> None:
        """token_ids: (student's vocabulary,), the teacher's id of each token. share: of a known label that is the
        teacher's; of an `UNKNOWN` one all is."""
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
    """Labels and probabilities mixed; all: (batch, labels)."""
    return torch.where(labels.isnan(), probabilities, torch.lerp(labels, probabilities, share))


def load_teacher(folder: Path, labels: list[str], tokenizer: PreTrainedTokenizerBase, share: float) -> Teacher:
    """A model that `train` wrote, as a teacher of one with this tokenizer: by its encoder and the names it finds.

    Raises InputError if there is none, if it knows other tasks, or splits texts into other tokens.
    """
    model = PaperTaskModel.load(folder)
    if model.labels != labels:
        raise InputError(f"{folder} was trained on other tasks than these papers have; train the teacher on the same.")
    model.encoder_tokens = read_training(folder).max_length
    # Only `export` weighs the words against the rest; at full weight they make its probabilities worse.
    model.words = None
    return Teacher(model, _token_ids(tokenizer, AutoTokenizer.from_pretrained(folder), folder), share)


def _token_ids(student: PreTrainedTokenizerBase, teacher: PreTrainedTokenizerBase, folder: Path) -> torch.Tensor:
    """(student's vocabulary,), the teacher's id of each token."""
    known = teacher.get_vocab()
    # Special tokens by what they are for: BERT's [CLS] is MPNet's <s>.
    known |= {
        token: getattr(teacher, f"{name}_id")
        for name, token in student.special_tokens_map.items()
        if isinstance(token, str) and getattr(teacher, f"{name}_id", None) is not None
    }
    own = student.get_vocab()
    if missing := own.keys() - known.keys():
        raise InputError(
            f"The teacher in {folder} splits texts into other tokens: it has no '{min(missing)}'. MiniLM, BERT and "
            "MPNet go together, and RoBERTa's kin."
        )
    ids = torch.zeros(max(own.values()) + 1, dtype=torch.long)
    for token, place in own.items():
        ids[place] = known[token]
    return ids
