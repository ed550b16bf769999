"""From a fine-tuned model to the folder that ships: calibrated, optimized, quantized, with its scores."""

import datetime
import json
import re
import shutil
import tempfile
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.fusion_options import FusionOptions
from onnxruntime.transformers.optimizer import optimize_model
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from transformers import AutoTokenizer

from paper_tasks.data import vocabulary
from paper_tasks.data.fingerprints import held_out_checksum
from paper_tasks.data.prepared_folder import multi_hot, pairs, read_labels, read_report, read_split
from paper_tasks.errors import InputError
from paper_tasks.evaluation.card import remove_card
from paper_tasks.io import atomic
from paper_tasks.modeling import metrics
from paper_tasks.modeling.model import MINILM, FastModel, PaperTaskModel, check_length, read_training
from paper_tasks.modeling.name_matcher import TEXT_TOKENS, token_ids
from paper_tasks.modeling.ngram_svm import WordModel
from paper_tasks.tagger.classifier import FAST, TaskClassifier
from paper_tasks.tagger.config import DataRecord, ExportScores, ModelConfig, TaskInfo
from paper_tasks.tagger.model_folder import file_checksum
from paper_tasks.tagger.text import format_paper, has_words

FP32 = "paper_task_classifier.onnx"
INT8 = "paper_task_classifier_quantized.onnx"
FAST_INT8 = "paper_task_classifier_fast_quantized.onnx"
# Where `evaluate` writes it.
CARD = "README.md"
# The names stand in the graph too, but an app that gives reasons has to know where they stand in a text.
COPIED = ("tokenizer.json", "names.json")
# Of a half of the development split: times as many labels are more than enough for three numbers.
MOST_PAPERS = 2000
# Nodes that stay in fp32: those of head and names, and what is gathered for words, but for their weights.
EXACT = "/(head|name_counts)/|/words/Gather"
# The encoder's projections, and tables: that of the embeddings is half of a small encoder.
QUANTIZED = ("MatMul", "Gemm", "Attention", "Gather")


def export(model_dir: Path, prepared_dir: Path, output_dir: Path, max_length: int | None = None) -> dict:
    """Writes the int8 model to `output_dir`, its fast tier to `output_dir`/fast, and the fp32 one, for comparison, to
    `model_dir`/onnx; each takes the place of an earlier one only when all are done.

    Probabilities are calibrated and thresholds chosen on one half of the development split; the scores returned,
    and written to every folder's `config.json`, are of the other half. (The test split is for `evaluate`.)
    `max_length` is how many tokens the encoder reads, by default as many as in training: one trained on the first 128
    may well profit from reading on. A model card in `output_dir` is removed: it tells of the model before.

    Raises InputError if `model_dir` holds no trained model, or one of other tasks than `prepared_dir` has, or one that
    had other papers held out, or `max_length` is more than its encoder can read.
    """
    model = PaperTaskModel.load(model_dir).eval()
    if read_labels(prepared_dir) != model.labels:
        raise InputError(f"{model_dir} was trained on other tasks than {prepared_dir} has; prepare or train again.")
    held_out_then = read_training(model_dir).held_out
    if held_out_then not in (None, held_out_checksum(prepared_dir)):
        raise InputError(
            f"{model_dir} was trained with other papers held out than {prepared_dir} has, and may have seen these; "
            "prepare as it was then, or train again."
        )
    max_length = max_length or read_training(model_dir).max_length
    check_length(model.encoder, max_length)
    model.encoder_tokens = max_length
    model.cut_positions()
    fast = FastModel(model).eval()
    dev = read_split(prepared_dir, "dev")
    half = min(len(dev) // 2, MOST_PAPERS)
    if half < 2:
        raise InputError(f"{prepared_dir} has {len(dev)} development papers, too few to calibrate on; prepare more.")
    fitted, held_out = dev[:half], dev[half : 2 * half]
    config = _config(model, model_dir, prepared_dir)

    folders = {"fp32": model_dir / "onnx", "int8": output_dir, "fast": output_dir / FAST}
    files = {"fp32": FP32, "int8": INT8, "fast": FAST_INT8}
    with tempfile.TemporaryDirectory() as scratch:
        for tier in (model, fast):
            _calibrate(tier, fitted, model_dir, Path(scratch), config)
        made = {name: Path(scratch) / name for name in folders}
        classifiers = {
            name: _write(fast if name == "fast" else model, model_dir, made[name], file, config)
            for name, file in files.items()
        }
        thresholds = {name: _best_threshold(classifiers[name], fitted) for name in ("int8", "fast")}
        # What quantization moves past a threshold counts: fp32 has the same.
        thresholds["fp32"] = thresholds["int8"]
        scores = {name: _scores(classifiers[name], held_out, thresholds[name], name) for name in files}
        config = replace(config, scores=ExportScores(scores, "dev", len(held_out), config.data.labels))
        for name, file in files.items():
            write_config(made[name], _with_threshold(config, thresholds[name]), file)
        for name, folder in folders.items():
            _take_place(made[name], folder)
        remove_card(output_dir / CARD)
    return scores


def plain_onnx(model: torch.nn.Module, path: Path) -> None:
    """Writes fp32 ONNX as PyTorch traces it; batch and sequence are dynamic, the output is the model's `logits`.

    A model that reads no `attention_mask` has no such input.
    """
    example = torch.ones(2, 8, dtype=torch.int64)
    dynamic = {0: "batch", 1: "sequence"}
    torch.onnx.export(
        _LogitsOnly(model).eval(),
        (example, example),
        path,
        input_names=["input_ids", "attention_mask"],
        output_names=["logits"],
        dynamic_axes={"input_ids": dynamic, "attention_mask": dynamic, "logits": {0: "batch"}},
        opset_version=17,
        # The exporter's older path: its plain attention subgraph is what the optimiser fuses.
        dynamo=False,
    )


def to_onnx(model: PaperTaskModel | FastModel, path: Path) -> None:
    """Writes fp32 ONNX, optimised for inference: attention, layer norms and activations fused."""
    if isinstance(model, FastModel):
        plain_onnx(model, path)
        return
    with tempfile.TemporaryDirectory() as folder:
        plain_onnx(model, Path(folder) / FP32)
        options = FusionOptions("bert")
        # Fused with its neighbors, the embedding table would escape quantization.
        options.enable_embed_layer_norm = False
        # onnxruntime's fused kernel takes eight times as long as a sum and a layer norm: a quarter of the whole time.
        options.enable_skip_layer_norm = False
        fused = optimize_model(
            str(Path(folder) / FP32),
            model_type="bert",
            num_heads=model.config.num_attention_heads,
            hidden_size=model.config.hidden_size,
            optimization_options=options,
            opt_level=1,
        )
        fused.save_model_to_file(str(path))


def to_int8(fp32: Path, int8: Path, exact: str = EXACT, per_channel: bool = True) -> None:
    """Dynamic quantization of all weights to int8, with a scale per output channel (tables have one) or per tensor;
    but for nodes with names in which the regular expression `exact` is found.

    Head and names stay in fp32: they are small, and nothing behind them evens their errors out. Weights have 7 bits,
    or the 16-bit sums of CPUs without VNNI would overflow, and the model answer differently on them.
    """
    kept = [node.name for node in onnx.load(fp32).graph.node if re.search(exact, node.name)]
    quantize_dynamic(
        fp32,
        int8,
        op_types_to_quantize=[*QUANTIZED],
        # Of a product with a bias the quantizer makes two nodes, and looks for the name of the first.
        nodes_to_exclude=kept + [f"{name}_MatMul" for name in kept],
        weight_type=QuantType.QInt8,
        per_channel=per_channel,
        reduce_range=True,
        # An optimised graph has lost the types that the quantizer would read off.
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )


def calibration(logits: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Scale and shift that make sigmoid(scale * logit + shift) a probability (Platt, 1999), over all labels.

    logits, truth: (papers, labels).
    """
    rows = np.random.default_rng(0).permutation(logits.size)[:1_000_000]
    fit = LogisticRegression(C=1e6).fit(logits.reshape(-1, 1)[rows], truth.ravel()[rows])
    return float(fit.coef_[0, 0]), float(fit.intercept_[0])


def intercept(logits: np.ndarray, truth: np.ndarray) -> float:
    """What to add to all logits for probabilities that sum to the labels: the likeliest intercept.

    logits, truth: (papers, labels).
    """
    return float(brentq(lambda shift: expit(logits + shift).sum() - truth.sum(), -20.0, 20.0))


def relative_weight(scores: np.ndarray, logits: np.ndarray, truth: np.ndarray) -> float:
    """How many logits a unit of the scores is worth: their weights in a logistic regression on both.

    All (papers, labels). For the words' scores, of texts that do not name their labels: of others, names alone tell
    nearly everything.
    """
    inputs = np.stack([scores.ravel(), logits.ravel()], axis=1)
    of_scores, of_logits = LogisticRegression(C=1e6).fit(inputs, truth.ravel()).coef_[0]
    return float(max(of_scores, 0) / max(of_logits, 1e-6))


def write_config(folder: Path, config: ModelConfig, model_file: str) -> None:
    """Writes `config.json` with the SHA-256 of the files beside it."""
    files = {name: _sha256(folder / name) for name in (model_file, *COPIED)}
    atomic.write_json(folder / "config.json", replace(config, files=files).to_json(), indent=0)


class _LogitsOnly(torch.nn.Module):
    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.model(input_ids=input_ids, attention_mask=attention_mask).logits


def _config(model: PaperTaskModel, model_dir: Path, prepared_dir: Path) -> ModelConfig:
    """All of `config.json` that is known before the export."""
    training = read_training(model_dir)
    report = read_report(prepared_dir)
    data = DataRecord(**{field.name: getattr(report, field.name) for field in fields(DataRecord)})
    labels = tuple(model.labels)
    return ModelConfig(
        backbone="all-MiniLM-L6-v2" if training.backbone == MINILM else training.backbone,
        max_length=TEXT_TOKENS,
        encoder_tokens=model.encoder_tokens,
        text_format=training.text_format,
        labels=labels,
        task_info={
            task.name: TaskInfo(task.area, task.canonical, task.is_task) for task in map(vocabulary.task, labels)
        },
        training=replace(training, data=data, exported=datetime.date.today().isoformat()),
        scores=ExportScores(),
        default_threshold=0.5,
        thresholds=(0.5,) * len(labels),
        files={},
    )


def _calibrate(
    model: PaperTaskModel | FastModel, fitted: pd.DataFrame, model_dir: Path, scratch: Path, config: ModelConfig
) -> None:
    """Weighs words and names against the rest of a model, and makes its logits those of probabilities."""
    masked = _masked(fitted)
    truth = multi_hot(fitted["tasks"], model.labels)
    masked_truth = multi_hot(masked["tasks"], model.labels)
    words, model.words = model.words, None
    classifier = _write(model, model_dir, scratch, FP32, config)
    masked_logits = classifier.logits(pairs(masked, "weighing the words"))
    if words is not None:
        scores = _word_scores(words, masked, model_dir)
        words.share.fill_(relative_weight(scores, masked_logits, masked_truth))
        masked_logits += float(words.share) * scores
        model.words = words
        classifier = _write(model, model_dir, scratch, FP32, config)
    # Most names were cut from the texts that the names' weights were learned on: in use they are worth more.
    logits, counts = classifier.logits(pairs(fitted, "calibrating")), _counts(model, fitted, model_dir)
    masked_counts = _counts(model, masked, model_dir)
    with torch.no_grad():
        named, masked_named = (model.head.names(found).numpy() for found in (counts, masked_counts))
    factor = relative_weight(named, logits - named, truth)
    logits += (factor - 1) * named
    masked_logits += (factor - 1) * masked_named
    model.head.weigh_names(factor)
    scale, shift = calibration(np.concatenate([logits, masked_logits]), np.concatenate([truth, masked_truth]))
    model.rescale(scale, shift)
    names_none = ~masked_counts.any(dim=1).numpy()
    if masked_truth[names_none].any():
        model.head.unnamed.fill_(intercept(scale * masked_logits[names_none] + shift, masked_truth[names_none]))


def _masked(papers: pd.DataFrame) -> pd.DataFrame:
    """The first half of the papers, without what names their tasks.

    Calibrated on whole texts alone, a model would learn that a task without its name is none. Of three texts that
    probabilities and thresholds are fitted to, one names none of its tasks: somewhat more than the share of tasks in
    authors' keywords of which neither title nor abstract speaks (results/evaluation.json); authors leave out much.
    """
    masked = papers.head(len(papers) // 2).assign(title="", abstract=papers["masked"])
    # A paper may be nothing but names.
    return masked[masked["abstract"].map(has_words)]


def _counts(model: PaperTaskModel | FastModel, papers: pd.DataFrame, model_dir: Path) -> torch.Tensor:
    """How often each whole text names each label: (papers, labels)."""
    texts = [format_paper(*pair) for pair in pairs(papers, "weighing the names")]
    rows = token_ids(texts, AutoTokenizer.from_pretrained(model_dir))
    return torch.cat([model.name_counts(torch.tensor([ids[:TEXT_TOKENS]])) for ids in rows])


def _best_threshold(classifier: TaskClassifier, papers: pd.DataFrame) -> float:
    papers = pd.concat([papers, _masked(papers)])
    probabilities = classifier.probabilities(pairs(papers, "choosing a threshold"))
    return metrics.best_threshold(multi_hot(papers["tasks"], classifier.labels), probabilities)


def _scores(classifier: TaskClassifier, papers: pd.DataFrame, threshold: float, name: str) -> dict[str, float]:
    truth = multi_hot(papers["tasks"], classifier.labels)
    probabilities = classifier.probabilities(pairs(papers, f"scoring {name}"))
    scores = metrics.threshold_scores(truth, (probabilities >= threshold).astype(np.int64))
    return scores | {"precision_at_1": metrics.precision_at_1(truth, probabilities)}


def _word_scores(words: WordModel, papers: pd.DataFrame, model_dir: Path) -> np.ndarray:
    texts = token_ids(papers["abstract"].tolist(), AutoTokenizer.from_pretrained(model_dir))
    return np.concatenate([words(torch.tensor([ids], dtype=torch.int64)).numpy() for ids in texts])


def _write(
    model: PaperTaskModel | FastModel, model_dir: Path, folder: Path, file: str, config: ModelConfig
) -> TaskClassifier:
    """Writes the folder of a model, its threshold still one half, as int8 or not as the file's name says."""
    folder.mkdir(parents=True, exist_ok=True)
    if file == FP32:
        to_onnx(model, folder / file)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            to_onnx(model, Path(scratch) / FP32)
            to_int8(Path(scratch) / FP32, folder / file)
    for name in COPIED:
        # Without the blanks that training leaves for people: a quarter of a megabyte.
        atomic.write_json(folder / name, json.loads((model_dir / name).read_text(encoding="utf-8")), indent=None)
    write_config(folder, config, file)
    return TaskClassifier.load(folder)


def _take_place(made: Path, folder: Path) -> None:
    """Puts the files of a finished folder into another, the config last, which names the rest. Other files stay."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted(made.iterdir(), key=lambda file: file.name == "config.json"):
        with atomic.write_atomic(folder / file.name) as path:
            shutil.copyfile(file, path)


def _with_threshold(config: ModelConfig, threshold: float) -> ModelConfig:
    return replace(config, default_threshold=threshold, thresholds=(threshold,) * len(config.labels))


def _sha256(path: Path) -> str:
    if not path.is_file():
        raise InputError(f"{path} is missing: train a model first (python -m paper_tasks train).")
    return file_checksum(path)
