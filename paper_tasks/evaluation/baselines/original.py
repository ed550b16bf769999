"""The recipe of the project that this one follows, as a row of the table. `paper-tasks original` trains its model."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from paper_tasks.evaluation.evaluation_data import EvaluationData
from paper_tasks.evaluation.evaluation_set import Predictions
from paper_tasks.evaluation.options import ORIGINAL
from paper_tasks.evaluation.score_cache import Arrays, ScoreCache, label_checksum
from paper_tasks.tagger.model_folder import file_checksum

# The schedule of the training; written last, so that a folder with this file holds a whole model.
RECORD = "training.json"
MAX_LENGTH = 512
THRESHOLD = 0.5


def predict(data: EvaluationData, cache: ScoreCache, folder: Path = ORIGINAL) -> Predictions | None:
    """The original's model reads the abstracts alone, and tags at a probability of one half.

    On read labels, it tags at the one threshold of highest micro-F1 on the development split.

    Returns None, and prints a line to stderr, if `folder` has no trained model.
    """
    if not (folder / RECORD).is_file():
        print(f"The original's recipe is not measured: `make original` trains it into {folder}.", file=sys.stderr)
        return None

    def compute() -> Arrays:
        dev = {"dev": probabilities(folder, [*data.dev["abstract"]])} if data.is_read else {}
        return dev | {
            "published": probabilities(folder, [*data.papers["abstract"]]),
            "masked": probabilities(folder, [*data.papers["masked"]]),
        }

    arrays = cache.arrays("original", file_checksum(folder / "model.safetensors"), compute)
    threshold = data.best_threshold(arrays["dev"]) if data.is_read else THRESHOLD
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    note = record["schedule"]
    if record.get("labels") != label_checksum(data.train_truth):
        # It has still not seen the papers of the test split: `prepare` always holds out the same papers.
        note += ", on other labels"
    return Predictions.at(threshold, arrays, are_probabilities=True, note=note)


def probabilities(folder: Path, texts: Sequence[str]) -> np.ndarray:
    """float32 (texts, labels), of the model that `original_training.train` wrote to `folder`."""
    # PyTorch is imported only here: cached scores do not need it.
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from paper_tasks.modeling.batches import in_batches

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    length = min(MAX_LENGTH, tokenizer.model_max_length)
    found = np.empty((len(texts), model.config.num_labels), dtype=np.float32)
    with torch.inference_mode():
        for rows, inputs in in_batches(texts, tokenizer, length, "the original's recipe"):
            found[rows] = torch.sigmoid(model(**inputs).logits).numpy()
    return found
