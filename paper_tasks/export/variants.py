"""One model at each step from PyTorch to int8: its size, speed and scores, and its distance from the first."""

import shutil
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import torch

from paper_tasks.export import dequantize
from paper_tasks.export.export import COPIED, write_config
from paper_tasks.export.onnx import EXACT, FP32, plain_onnx, to_int8, to_onnx
from paper_tasks.modeling import metrics
from paper_tasks.modeling.model import PaperTaskModel
from paper_tasks.tagger.classifier import TaskClassifier
from paper_tasks.tagger.config import ModelConfig
from paper_tasks.tagger.model_folder import open_tokenizer

TORCH, ONNX, OPTIMIZED = "PyTorch fp32", "ONNX fp32", "ONNX fp32, optimised"
INT8, INT8_EMBEDDINGS_FP32, INT8_PER_TENSOR = "int8", "int8, embeddings fp32", "int8, per tensor"
MODEL_FILE = "model.onnx"

Papers = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Variant:
    """A model on disk, and the classifier that runs it."""

    file: Path
    classifier: TaskClassifier


class TorchSession:
    """A PyTorch model in place of a TaskClassifier's ONNX session, so that both read the same input."""

    def __init__(self, model: PaperTaskModel) -> None:
        self._model = model

    def get_inputs(self) -> list[SimpleNamespace]:
        """The inputs of `run`, each with a `name`."""
        return [SimpleNamespace(name=name) for name in ("input_ids", "attention_mask")]

    @torch.inference_mode()
    def run(self, names: list[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        """The outputs of these names, (batch, labels) each.

        inputs: input_ids and attention_mask, both (batch, sequence).
        """
        output = self._model(**{name: torch.from_numpy(array) for name, array in inputs.items()})
        return [output[name].numpy() for name in names]


def build_variants(model_dir: Path, config: ModelConfig, folder: Path) -> dict[str, Variant]:
    """Every variant of the model that `train` wrote to `model_dir`, by name; their files go below `folder`.

    config: that of the model's export. All variants have its calibration and its weights of names and words. Raises
    InputError if `model_dir` holds no trained model.
    """
    model = PaperTaskModel.load(model_dir)
    # The weights that `export` has changed.
    weighed = {name for name in model.state_dict() if name.startswith("head.") or name == "words.share"}
    model.load_state_dict(dequantize.weights(model_dir / "onnx" / FP32, weighed), strict=False)
    model.encoder_tokens = config.encoder_tokens
    model.cut_positions()
    torch_classifier = TaskClassifier(TorchSession(model), open_tokenizer(model_dir, config), config, names={})
    variants = {TORCH: Variant(model_dir / "model.safetensors", torch_classifier)}

    optimized = folder / OPTIMIZED / MODEL_FILE
    writers = {
        ONNX: partial(plain_onnx, model),
        OPTIMIZED: partial(to_onnx, model),
        INT8_PER_TENSOR: partial(to_int8, optimized, per_channel=False),
        INT8_EMBEDDINGS_FP32: partial(to_int8, optimized, exact=f"{EXACT}|/word_embeddings/"),
        INT8: partial(to_int8, optimized),
    }
    for name, write in writers.items():
        variant_dir = folder / name
        variant_dir.mkdir(parents=True, exist_ok=True)
        write(variant_dir / MODEL_FILE)
        for copied in COPIED:
            shutil.copyfile(model_dir / copied, variant_dir / copied)
        write_config(variant_dir, config, MODEL_FILE)
        variants[name] = Variant(variant_dir / MODEL_FILE, TaskClassifier.load(variant_dir))
    return variants


def compare(
    variants: dict[str, Variant], fitted: Papers, fitted_truth: np.ndarray, held_out: Papers, truth: np.ndarray
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """A table with a row for each variant, and the logits of each on `held_out`, (papers, labels).

    Columns: size in MB (10^6 bytes), milliseconds per paper (median), micro-F1, macro-F1 and precision at 1. The last
    column is the cosine between a variant's logits and those of the first (mean over papers). The threshold is the one
    that is best for the first variant on `fitted`. Truths: 0 and 1, (papers, labels).
    """
    first = next(iter(variants.values()))
    threshold = metrics.best_threshold(fitted_truth, first.classifier.logits(fitted))
    rows, logits = {}, {}
    for name, variant in variants.items():
        logits[name], milliseconds = timed_logits(variant.classifier, held_out)
        scores = metrics.threshold_scores(truth, (logits[name] >= threshold).astype(np.int64))
        rows[name] = {
            "MB": variant.file.stat().st_size / 1e6,
            "ms per paper": milliseconds,
            "micro-F1": scores["micro_f1"],
            "macro-F1": scores["macro_f1"],
            "P@1": metrics.precision_at_1(truth, logits[name]),
            "cosine": cosine(next(iter(logits.values())), logits[name]),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("variant"), logits


def timed_logits(classifier: TaskClassifier, papers: Papers) -> tuple[np.ndarray, float]:
    """Logits, (papers, labels), and the median of the milliseconds for a paper by itself."""
    logits, seconds = [], []
    for paper in papers:
        start = time.perf_counter()
        logits.append(classifier.logits([paper]))
        seconds.append(time.perf_counter() - start)
    return np.concatenate(logits), 1000 * statistics.median(seconds)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    """The mean over papers of the cosine between two models' logits. Both arrays: (papers, labels)."""
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return float(((one * other).sum(axis=1) / lengths).mean())
