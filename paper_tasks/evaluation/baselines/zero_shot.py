"""Zero-shot similarity: how similar the embeddings of a paper and of a task's name are. Nothing is trained."""

from collections.abc import Sequence

import numpy as np

from paper_tasks.data.prepared_folder import texts
from paper_tasks.evaluation.evaluation_data import EvaluationData
from paper_tasks.evaluation.evaluation_set import Predictions
from paper_tasks.evaluation.score_cache import Arrays, ScoreCache

BACKBONE = "minilm"
# Encoding is slow: the threshold is chosen on so many papers of the development split.
DEV_PAPERS = 1000


def predict(data: EvaluationData, cache: ScoreCache) -> Predictions:
    """Similarity of text and task name, at the one threshold of highest micro-F1 on the development split."""
    dev = data.dev[:DEV_PAPERS]

    def compute() -> Arrays:
        encoder = ZeroShot(BACKBONE, data.labels)
        return {
            "dev": encoder.scores(texts(dev)),
            "published": encoder.scores(texts(data.papers)),
            "masked": encoder.scores([*data.papers["masked"]]),
        }

    arrays = cache.arrays("zero-shot", f"{BACKBONE} {DEV_PAPERS}", compute)
    return Predictions.at(data.best_threshold(arrays["dev"]), arrays)


class ZeroShot:
    """Cosine similarity of the mean-pooled embeddings of text and name (Reimers and Gurevych, 2019).

    Raises InputError if there is no such backbone. PyTorch is imported only here: cached scores do not need it.
    """

    def __init__(self, backbone: str, labels: Sequence[str], max_length: int = 256) -> None:
        from paper_tasks.modeling.backbones import load_backbone

        self._encoder, self._tokenizer = load_backbone(backbone)
        self._encoder.eval()
        self._max_length = min(max_length, self._tokenizer.model_max_length)
        self._names = self._embed(labels)

    def scores(self, texts: Sequence[str]) -> np.ndarray:
        """float32 (texts, labels), from -1 to 1."""
        return self._embed(texts) @ self._names.T

    def _embed(self, texts: Sequence[str]) -> np.ndarray:
        """float32 (texts, hidden size), each row of length 1."""
        import torch
        from torch.nn import functional as F

        from paper_tasks.modeling.batches import in_batches
        from paper_tasks.modeling.head import mean_pooling

        order, vectors = [], []
        with torch.inference_mode():
            for rows, inputs in in_batches(texts, self._tokenizer, self._max_length, "zero-shot"):
                hidden = self._encoder(**inputs).last_hidden_state
                order.append(rows)
                vectors.append(F.normalize(mean_pooling(hidden, inputs["attention_mask"])).numpy())
        embedded = np.empty((len(texts), vectors[0].shape[1]), dtype=np.float32)
        embedded[np.concatenate(order)] = np.concatenate(vectors)
        return embedded
