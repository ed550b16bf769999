"""From a fine-tuned model to the folder that ships: calibrated, optimized, quantized, with its scores."""

import datetime
import json
import shutil
import tempfile
from dataclasses import fields, replace
from pathlib import Path

from paper_tasks.data import vocabulary
from paper_tasks.data.fingerprints import held_out_checksum
from paper_tasks.data.prepared_folder import (
    UNLABELLED,
    has_unlabelled,
    pairs,
    read_labels,
    read_report,
    read_split,
)
from paper_tasks.errors import InputError
from paper_tasks.export.calibration import DistantPapers, Thresholds
from paper_tasks.export.fast_tier import distil
from paper_tasks.export.onnx import FAST_INT8, FP32, INT8, to_int8, to_onnx
from paper_tasks.export.read_calibration import ReadPapers
from paper_tasks.io import atomic
from paper_tasks.modeling.backbones import MINILM, check_length, read_tokenizer
from paper_tasks.modeling.model import FastModel, PaperTaskModel, read_training
from paper_tasks.modeling.name_matcher import TEXT_TOKENS
from paper_tasks.tagger.classifier import FAST, TaskClassifier
from paper_tasks.tagger.config import DataRecord, ExportScores, ModelConfig, TaskInfo
from paper_tasks.tagger.model_folder import file_checksum
from paper_tasks.tagger.text import format_paper, has_words
from paper_tasks.tagger.wording import PROJECT

# Where `evaluate` writes the model card.
CARD = "README.md"
# The names are in the graph too, but an app that gives reasons has to find them in a text.
COPIED = ("tokenizer.json", "names.json")
FILES = {"fp32": FP32, "int8": INT8, "fast": FAST_INT8}


def export(
    model_dir: Path, prepared_dir: Path, output_dir: Path, max_length: int | None = None
) -> dict[str, dict[str, float]]:
    """Writes the int8 model to `output_dir`, its fast tier to `output_dir`/fast, and fp32 to `model_dir`/onnx.

    Each replaces an earlier one only when all are done. The fp32 model is for comparison.

    Probabilities are calibrated, thresholds chosen and scores taken on development papers: see `ReadPapers` and
    `DistantPapers`. The scores returned, which every `config.json` has too, are a score by name for each of "fp32",
    "int8" and "fast". The test split is for `evaluate`. With read labels, the fast tier learns from the int8 model.

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
    is_read = read_report(prepared_dir).is_read
    dev = ReadPapers(prepared_dir, model.labels) if is_read else DistantPapers(prepared_dir, model_dir, model.labels)
    config = _first_config(model, model_dir, prepared_dir)

    folders = {"fp32": model_dir / "onnx", "int8": output_dir, "fast": output_dir / FAST}
    with tempfile.TemporaryDirectory() as scratch:

        def load(tier: PaperTaskModel | FastModel) -> TaskClassifier:
            return _write(tier, model_dir, Path(scratch), FP32, config)

        def write(tier: PaperTaskModel | FastModel, name: str) -> TaskClassifier:
            dev.calibrate(tier, load)
            return _write(tier, model_dir, made[name], FILES[name], config)

        made = {name: Path(scratch) / name for name in folders}
        fast = FastModel(model).eval()
        classifiers = {"int8": write(model, "int8")}
        classifiers["fp32"] = _write(model, model_dir, made["fp32"], FP32, config)
        if is_read:
            distil(fast, classifiers["int8"], _papers_to_distil(prepared_dir), read_tokenizer(model_dir))
        classifiers["fast"] = write(fast, "fast")
        thresholds = {name: dev.thresholds(classifiers[name]) for name in ("int8", "fast")}
        # The same for both, so that the scores show what quantization moves across a threshold.
        thresholds["fp32"] = thresholds["int8"]
        scores = {name: dev.scores(classifiers[name], thresholds[name], name) for name in folders}
        scored = replace(config, scores=ExportScores(scores, "dev", len(dev), config.data.labels))
        for name, file in FILES.items():
            write_config(made[name], _with_thresholds(scored, thresholds[name]), file)
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
        # Both levels are asked for, until the thresholds are known.
        fits_threshold=0.5,
    )


def _with_thresholds(config: ModelConfig, thresholds: Thresholds) -> ModelConfig:
    return replace(
        config,
        default_threshold=thresholds.main,
        thresholds=(thresholds.main,) * len(config.labels),
        fits_threshold=thresholds.fits,
    )


def _papers_to_distil(prepared_dir: Path) -> list[tuple[str, str]]:
    names = ["train", *([UNLABELLED] if has_unlabelled(prepared_dir) else [])]
    return [
        paper
        for name in names
        for paper in pairs(read_split(prepared_dir, name), f"reading {name}")
        if has_words(format_paper(*paper))
    ]


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
