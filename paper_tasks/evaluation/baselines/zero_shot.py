"""Without any training: how like the name of a task a paper is, to a pretrained encoder."""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional as F

from paper_tasks.modeling.batches import in_batches
from paper_tasks.modeling.model import load_backbone, mean_pooling


class ZeroShot:
    """Cosine similarity of the mean-pooled embeddings of text and name (Reimers and Gurevych, 2019).

    Raises InputError if there is no such backbone.
    """

    def __init__(self, backbone: str, labels: Sequence[str], max_length: int = 256) -> None:
        self._encoder, self._tokenizer = load_backbone(backbone)
        self._encoder.eval()
        self._max_length = min(max_length, self._tokenizer.model_max_length)
        self._names = self._embed(labels)

    def scores(self, texts: Sequence[str]) -> np.ndarray:
        """float32 (texts, labels), from -1 to 1."""
        return (self._embed(texts) @ self._names.T).numpy()

    @torch.inference_mode()
    def _embed(self, texts: Sequence[str]) -> torch.Tensor:
        """(texts, hidden size), each of length 1."""
        embedded = torch.empty(len(texts), self._encoder.config.hidden_size)
        for places, inputs in in_batches(texts, self._tokenizer, self._max_length, "zero-shot"):
            hidden = self._encoder(**inputs).last_hidden_state
            embedded[torch.from_numpy(places)] = F.normalize(mean_pooling(hidden, inputs["attention_mask"]))
        return embedded
