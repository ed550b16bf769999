"""The model: a pretrained encoder, a head on the states of its tokens, exact names, and words."""

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import ModelOutput

from paper_tasks.errors import InputError
from paper_tasks.modeling.backbones import most_tokens, position_table
from paper_tasks.modeling.head import Head, Names, mean_pooling
from paper_tasks.modeling.name_matcher import Name, NameCounts
from paper_tasks.modeling.ngram_svm import WordModel
from paper_tasks.tagger.config import ENCODER_TOKENS, TrainingRecord

# Where a trained model keeps its `TrainingRecord` and its labels.
TRAINING = "training.json"
# Names in a `state_dict`.
NAME_WEIGHTS = ("head.named", "head.repeated", "head.titled", "head.crowded")
CALIBRATION = ("scale", "shift", "unnamed", "fits_scale", "fits_shift")
POSITIONS = "encoder.embeddings.position_embeddings.weight"


# Tokens of a text among which its title ends.
TITLE_TOKENS = 64


@dataclass
class PaperTaskOutput(ModelOutput):
    """The head's `Levels` under the names that transformers and blurr expect: `logits` are those of `main`."""

    logits: torch.Tensor | None = None
    fits: torch.Tensor | None = None


class PaperTaskModel(nn.Module):
    """Logits of every label for a batch of texts.

    The encoder may be any that `transformers.AutoModel` loads; the head reads its last hidden states.

    Attributes:
        names: the runs of tokens that name a label; the model looks for them in the whole text.
        words: a linear model of the whole text, fitted by itself; its scores are added to the logits. May be None.
        encoder_tokens: how many of a text's first tokens the encoder reads.
        title_end: the id of the token that ends the title, a stop.
    """

    title_end: torch.Tensor

    def __init__(
        self, encoder: PreTrainedModel, labels: Sequence[str], names: Sequence[Name] = (), dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.labels = list(labels)
        self.names = list(names)
        self.encoder = encoder
        self.name_counts = NameCounts(self.names, len(self.labels))
        self.words: WordModel | None = None
        self.head = Head(encoder.config.hidden_size, len(self.labels), dropout)
        self.encoder_tokens = ENCODER_TOKENS
        self.register_buffer("title_end", torch.tensor(-1))

    @property
    def config(self) -> PreTrainedConfig:
        """The encoder's own configuration; blurr asks for it."""
        return self.encoder.config

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **_: Any) -> PaperTaskOutput:
        """Logits, (batch, labels), of token ids and of a mask (1 for text, 0 for padding), both (batch, sequence)."""
        ids, mask = input_ids[:, : self.encoder_tokens], attention_mask[:, : self.encoder_tokens]
        hidden = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        main, fits = self.head(hidden, mask, count_names(self.name_counts, input_ids, self.title_end))
        return PaperTaskOutput(logits=main if self.words is None else main + self.words(input_ids), fits=fits)

    @torch.no_grad()
    def cut_positions(self) -> None:
        """Removes the positions of tokens that the encoder does not read: a tenth of a megabyte less to ship."""
        table, first = position_table(self.encoder)
        if table is not None:
            table.weight = nn.Parameter(table.weight[: first + self.encoder_tokens].clone())
            table.num_embeddings = len(table.weight)

    @torch.no_grad()
    def start_from_names(
        self,
        tokenizer: PreTrainedTokenizerBase,
        texts: Sequence[str],
        frequencies: torch.Tensor,
        precisions: torch.Tensor,
    ) -> None:
        """Starts the head from the labels' names; texts are some papers. See `Head.start` for the other arguments."""

        def encode(batch: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
            tokens = tokenizer(list(batch), padding=True, truncation=True, max_length=most, return_tensors="pt")
            inputs = {name: tokens[name] for name in ("input_ids", "attention_mask")}
            return self.encoder(**inputs).last_hidden_state, inputs["attention_mask"]

        most = min(128, most_tokens(self.encoder))
        self.eval()
        self.head.start(mean_pooling(*encode(self.labels)), *encode(texts), frequencies, precisions)
        self.train()

    def start_from(self, labels: Sequence[str], weights: dict[str, torch.Tensor], precisions: torch.Tensor) -> None:
        """Takes over encoder and head of a trained model, without its calibration.

        What the model lacks, such as the weights of another level, stays as it is.

        weights: those of its `state_dict`. An exported model has no weights of names that a training could go on
        from; then they start from `precisions`. Raises InputError if the model has other layers or labels.
        """
        if list(labels) != self.labels:
            raise InputError("The model to start from was trained on other tasks than these papers have.")
        taken = {name: tensor for name, tensor in weights.items() if not name.startswith("words.")}
        calibration = Head(1, 1, 0.0).state_dict()
        taken |= {f"head.{name}": calibration[name] for name in CALIBRATION}
        taken.pop("title_end", None)
        wrong = InputError("The model to start from has another backbone; name the same with --backbone.")
        try:
            # An exported model has only the positions that it reads.
            if POSITIONS in taken.keys() & (own := self.state_dict()).keys():
                taken[POSITIONS] = torch.cat([taken[POSITIONS], own[POSITIONS][len(taken[POSITIONS]) :]])
            missing, unexpected = self.load_state_dict(taken, strict=False)
        except RuntimeError as error:
            raise wrong from error
        # Nothing reads a pooler's output, so an exported model has none.
        needed = ("encoder.", "head.whole.", "head.mention.")
        if unexpected or any(name.startswith(needed) and "pooler" not in name for name in missing):
            raise wrong
        if not set(NAME_WEIGHTS).isdisjoint(missing):
            self.head.start_names(precisions)

    def rescale(self, scale: float, shift: float) -> None:
        """Makes every logit x into scale * x + shift."""
        _rescale(self.head, self.words, scale, shift)

    def save(self, folder: Path, tokenizer: PreTrainedTokenizerBase, training: TrainingRecord) -> None:
        """Writes the weights (`model.safetensors`), the tokenizer and the encoder's `config.json`.

        Beside them go `training.json`, `names.json` and `words.json`.
        """
        folder.mkdir(parents=True, exist_ok=True)
        save_file(
            {name: tensor.contiguous() for name, tensor in self.state_dict().items()},
            folder / "model.safetensors",
        )
        self.config.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        text = json.dumps(training.to_json() | {"labels": self.labels}, ensure_ascii=False, indent=2)
        (folder / TRAINING).write_text(text, encoding="utf-8")
        features = [] if self.words is None else self.words.features
        for name, runs in (("names.json", self.names), ("words.json", features)):
            (folder / name).write_text(json.dumps(runs), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "PaperTaskModel":
        """Reads what `save` wrote, with the plain attention that exports best. Raises InputError if it is not there."""
        for name in ("model.safetensors", "config.json", "names.json", "words.json", TRAINING, "tokenizer.json"):
            if not (folder / name).is_file():
                raise InputError(f"{folder} is no trained model: {name} is missing (paper-tasks train makes one).")
        labels = json.loads((folder / TRAINING).read_text(encoding="utf-8"))["labels"]
        names = [(tuple(run), tuple(named)) for run, named in json.loads((folder / "names.json").read_text("utf-8"))]
        config = AutoConfig.from_pretrained(folder)
        # transformers has no type for this call.
        encoder = AutoModel.from_config(config, attn_implementation="eager")  # type: ignore[no-untyped-call]
        model = cls(encoder, labels, names)
        if features := json.loads((folder / "words.json").read_text("utf-8")):
            model.words = WordModel([tuple(feature) for feature in features], len(model.labels))
        try:
            model.load_state_dict(load_file(folder / "model.safetensors"))
        except (RuntimeError, SafetensorError) as error:
            raise InputError(f"{folder} is damaged or was trained by another version; train again.") from error
        return model.eval()


def read_training(folder: Path) -> TrainingRecord:
    """How a model that `save` wrote was trained. Raises InputError if its record cannot be read."""
    try:
        record = json.loads((folder / TRAINING).read_text(encoding="utf-8"))
        del record["labels"]
        return TrainingRecord.from_json(record)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{folder / TRAINING} cannot be read ({error}); train the model again.") from error


def count_names(name_counts: NameCounts, input_ids: torch.Tensor, title_end: torch.Tensor) -> Names:
    """How often texts, (batch, sequence) of token ids, name each label; the title ends before the first `title_end`."""
    first = input_ids[:, :TITLE_TOKENS]
    in_title = (first == title_end).long().cumsum(dim=1) == 0
    return Names(name_counts(input_ids), name_counts(torch.where(in_title, first, -1)))


class FastModel(nn.Module):
    """A model without its encoder: names and words alone, in a hundredth of the time."""

    def __init__(self, model: PaperTaskModel) -> None:
        super().__init__()
        self.labels, self.name_counts, self.title_end = model.labels, model.name_counts, model.title_end
        self.words = copy.deepcopy(model.words)
        self.head = copy.deepcopy(model.head)

    def forward(self, input_ids: torch.Tensor, **_: Any) -> PaperTaskOutput:
        """Logits, (batch, labels), of token ids, (batch, sequence), padded or not."""
        words = 0.0 if self.words is None else self.words(input_ids)
        main, fits = self.head.without_encoder(count_names(self.name_counts, input_ids, self.title_end), words)
        return PaperTaskOutput(logits=main, fits=fits)

    def rescale(self, scale: float, shift: float) -> None:
        """Makes every logit x into scale * x + shift."""
        _rescale(self.head, self.words, scale, shift)


@torch.no_grad()
def _rescale(head: Head, words: WordModel | None, scale: float, shift: float) -> None:
    head.scale.mul_(scale)
    head.shift.mul_(scale).add_(shift)
    head.unnamed.mul_(scale)
    if words is not None:
        words.share.mul_(scale)
