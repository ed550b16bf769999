"""Texts as batches for an encoder in PyTorch."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from tqdm import tqdm
from transformers import PreTrainedTokenizerBase

BATCH = 32


def in_batches(
    texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, max_length: int, description: str
) -> Iterator[tuple[np.ndarray, dict[str, torch.Tensor]]]:
    """Batches of texts: the indices of the texts, and their `input_ids` and `attention_mask`, both (texts, tokens).

    Texts of similar length come together, so that little of a batch is padding. description: of the progress bar.
    """
    order = np.argsort([len(text) for text in texts], kind="stable")
    starts = tqdm(range(0, len(texts), BATCH), desc=description, unit="batch", delay=1, disable=None)
    for indices in (order[start : start + BATCH] for start in starts):
        batch = [texts[index] for index in indices]
        tokens = tokenizer(batch, padding=True, truncation=True, max_length=max_length, return_tensors="pt")
        yield indices, {name: tokens[name] for name in ("input_ids", "attention_mask")}
