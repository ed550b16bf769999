"""From a fine-tuned model to the folder that ships: calibrated, optimized, quantized, with its scores."""

import datetime
import json
import shutil
import tempfile
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd

from paper_tasks.data import vocabulary
from paper_tasks.data.fingerprints import held_out_checksum
from paper_tasks.data.prepared_folder import multi_hot, pairs, read_labels, read_report, read_split
from paper_tasks.errors import InputError
from paper_tasks.export.calibration import best_threshold, calibrate
from paper_tasks.export.onnx import FAST_INT8, FP32, INT8, to_int8, to_onnx
from paper_tasks.io import atomic
from paper_tasks.modeling import metrics
from paper_tasks.modeling.backbones import MINILM, check_length
from paper_tasks.modeling.model import FastModel, PaperTaskModel, read_training
from paper_tasks.modeling.name_matcher import TEXT_TOKENS
from paper_tasks.tagger.classifier import FAST, TaskClassifier
from paper_tasks.tagger.config import DataRecord, ExportScores, ModelConfig, TaskInfo
from paper_tasks.tagger.model_folder import file_checksum
from paper_tasks.tagger.wording import PROJECT

# Where `evaluate` writes the model card.
CARD = "README.md"
# The names are in the graph too, but an app that gives reasons has to find them in a text.
COPIED = ("tokenizer.json", "names.json")
# At most so many papers of each half of the development split; their labels are more than enough for three numbers.
MOST_PAPERS = 2000


def export(
    model_dir: Path, prepared_dir: Path, output_dir: Path, max_length: int | None = None
) -> dict[str, dict[str, float]]:
    """Writes the int8 model to `output_dir`, its fast tier to `output_dir`/fast, and fp32 to `model_dir`/onnx.

    Each replaces an earlier one only when all are done. The fp32 model is for comparison.

    Probabilities are calibrated and thresholds chosen on one half of the development split. The scores returned, which
    every `config.json` has too, are those of the other half: a score by name, for each of "fp32", "int8" and "fast".
    The test split is for `evaluate`.

    max_length: tokens that the encoder reads, by default as many as in training. A model that was trained on the first
    128 may well gain from more. A model card in `output_dir` is removed, since it describes the model before.

    Raises InputError if:

    - `model_dir` holds no trained model, or one of other tasks than `prepared_dir` has;
    - other papers than those of `prepared_dir` were held out from the model;
    - `max_length` is more than its encoder can read.
    """
    model = PaperTaskModel.load(model_dir).eval()
    _check_papers(model, model_dir, prepared_dir)
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
    config = _first_config(model, model_dir, prepared_dir)

    folders = {"fp32": model_dir / "onnx", "int8": output_dir, "fast": output_dir / FAST}
    files = {"fp32": FP32, "int8": INT8, "fast": FAST_INT8}
    with tempfile.TemporaryDirectory() as scratch:
        for tier in (model, fast):
            calibrate(tier, fitted, model_dir, lambda now: _write(now, model_dir, Path(scratch), FP32, config))
        made = {name: Path(scratch) / name for name in folders}
        classifiers = {
            name: _write(fast if name == "fast" else model, model_dir, made[name], file, config)
            for name, file in files.items()
        }
        thresholds = {name: best_threshold(classifiers[name], fitted) for name in ("int8", "fast")}
        # The same for both, so that the scores show what quantization moves across a threshold.
        thresholds["fp32"] = thresholds["int8"]
        scores = {name: _scores(classifiers[name], held_out, thresholds[name], name) for name in files}
        scored = replace(config, scores=ExportScores(scores, "dev", len(held_out), config.data.labels))
        for name, file in files.items():
            write_config(made[name], _with_threshold(scored, thresholds[name]), file)
        for name, folder in folders.items():
            _take_place(made[name], folder)
        remove_card(output_dir / CARD)
    return scores


def write_config(folder: Path, config: ModelConfig, model_file: str) -> None:
    """Writes `config.json` with the SHA-256 of the files beside it. Raises InputError if one is missing."""
    files = {}
    for name in (model_file, *COPIED):
        if not (folder / name).is_file():
            raise InputError(f"{folder / name} is missing: train a model first (paper-tasks train).")
        files[name] = file_checksum(folder / name)
    atomic.write_json(folder / "config.json", replace(config, files=files).to_json(), indent=0)


def remove_card(path: Path) -> None:
    """Removes a model card that `evaluate` wrote; any other file stays."""
    if path.is_file() and f"\nmodel-index:\n- name: {PROJECT}\n" in path.read_text(encoding="utf-8", errors="replace"):
        path.unlink()


def _check_papers(model: PaperTaskModel, model_dir: Path, prepared_dir: Path) -> None:
    if read_labels(prepared_dir) != model.labels:
        raise InputError(f"{model_dir} was trained on other tasks than {prepared_dir} has; prepare or train again.")
    held_out = read_training(model_dir).held_out
    if held_out not in (None, held_out_checksum(prepared_dir)):
        raise InputError(
            f"{model_dir} was trained with other papers held out than {prepared_dir} has, and may have seen these; "
            "prepare as it was then, or train again."
        )


def _first_config(model: PaperTaskModel, model_dir: Path, prepared_dir: Path) -> ModelConfig:
    """All of `config.json` that is known before the export, with one half for a threshold."""
    training = read_training(model_dir)
    report = read_report(prepared_dir)
    data = DataRecord(**{field.name: getattr(report, field.name) for field in fields(DataRecord)})
    tasks = [vocabulary.task(name) for name in model.labels]
    return ModelConfig(
        backbone="all-MiniLM-L6-v2" if training.backbone == MINILM else training.backbone,
        max_length=TEXT_TOKENS,
        encoder_tokens=model.encoder_tokens,
        text_format=training.text_format,
        labels=tuple(model.labels),
        task_info={task.name: TaskInfo(task.area, task.canonical, task.is_task) for task in tasks},
        training=replace(training, data=data, exported=datetime.date.today().isoformat()),
        scores=ExportScores(),
        default_threshold=0.5,
        thresholds=(0.5,) * len(tasks),
        files={},
    )


def _with_threshold(config: ModelConfig, threshold: float) -> ModelConfig:
    return replace(config, default_threshold=threshold, thresholds=(threshold,) * len(config.labels))


def _scores(classifier: TaskClassifier, papers: pd.DataFrame, threshold: float, name: str) -> dict[str, float]:
    truth = multi_hot(papers["tasks"], list(classifier.labels))
    probabilities = classifier.probabilities(pairs(papers, f"scoring {name}"))
    scores = metrics.threshold_scores(truth, (probabilities >= threshold).astype(np.int64))
    return scores | {"precision_at_1": metrics.precision_at_1(truth, probabilities)}


def _write(
    model: PaperTaskModel | FastModel, model_dir: Path, folder: Path, file: str, config: ModelConfig
) -> TaskClassifier:
    """Writes the folder of a model, in fp32 if that is the file's name and else in int8, and loads it."""
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
    """Puts the files of a finished folder into another; `config.json`, which names the rest, goes last.

    Other files of the folder stay.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted(made.iterdir(), key=lambda file: file.name == "config.json"):
        with atomic.write_atomic(folder / file.name) as path:
            shutil.copyfile(file, path)
