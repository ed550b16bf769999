"""The folder that an export writes, checked as it is read: `config.json`, an ONNX model, a tokenizer."""

import hashlib
import json
import os
from pathlib import Path

from tokenizers import Tokenizer

from paper_tasks.errors import ModelError
from paper_tasks.tagger.config import FORMAT_VERSION, TOKENIZER, ModelConfig

# Without it, importing onnxruntime looks up a telemetry host and writes to the user's cache folder.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime

NAMES = "names.json"
# Its kernel takes eight times as long as the sum and the layer norm that it replaces (onnxruntime 1.32).
SLOW_FUSION = "SkipLayerNormFusion"
_REMEDY = "export the model again, or name another folder"


def read_config(folder: Path) -> ModelConfig:
    """Reads `config.json`, and checks all that a classifier needs of it. Raises ModelError."""
    try:
        record = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ModelError(f"{folder} holds no model, since it has no config.json: {_REMEDY}.") from error
    except (OSError, ValueError) as error:
        raise _broken(folder, f"config.json cannot be read ({error})") from error
    if not isinstance(record, dict) or record.get("format_version") != FORMAT_VERSION:
        raise _broken(folder, f"config.json is not of format version {FORMAT_VERSION}, which this code reads")
    try:
        return ModelConfig.from_json(record)
    except KeyError as error:
        raise _broken(folder, f"config.json has no {error}") from error
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise _broken(folder, f"config.json is malformed ({error})") from error


def file_checksum(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify_files(folder: Path, config: ModelConfig) -> None:
    """Compares every file with its SHA-256 in `config.json`. Raises ModelError for the first that differs."""
    for name, checksum in config.files.items():
        try:
            found = file_checksum(folder / name)
        except FileNotFoundError as error:
            raise _broken(folder, f"{name} is missing") from error
        except OSError as error:
            raise _broken(folder, f"{name} cannot be read ({error.strerror})") from error
        if found != checksum:
            raise _broken(folder, f"{name} is not the file that was exported: cut short, altered or replaced")


def read_names(folder: Path, config: ModelConfig) -> dict[tuple[int, ...], tuple[int, ...]]:
    """Runs of token ids that name labels, each with the indices of these labels; {} for a model without names.

    Raises ModelError.
    """
    if NAMES not in config.files:
        return {}
    try:
        names = json.loads((folder / NAMES).read_text(encoding="utf-8"))
        return {tuple(map(int, ids)): tuple(map(int, labels)) for ids, labels in names}
    except (OSError, TypeError, ValueError) as error:
        raise _broken(folder, f"{NAMES} is no list of [token ids, label indices] ({error})") from error


def open_tokenizer(folder: Path, config: ModelConfig) -> Tokenizer:
    """The tokenizer, cutting at `max_length` with special tokens kept, and never padding. Raises ModelError."""
    try:
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    except Exception as error:  # the library raises nothing narrower
        raise _broken(folder, f"{TOKENIZER} cannot be read as a tokenizer ({_first_line(error)})") from error
    tokenizer.enable_truncation(config.max_length)
    tokenizer.no_padding()
    return tokenizer


def open_session(folder: Path, config: ModelConfig, threads: int) -> onnxruntime.InferenceSession:
    """The ONNX model: int64 input_ids, attention_mask (batch, sequence) to float32 logits (batch, labels).

    `threads` is the number of CPU threads that work on one batch. Raises ModelError.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    # Every batch has another shape: an arena keeps the largest of each for good, for very little speed.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    # Threads that spin while they wait take the cores that tokenizing the next batch, or a neighbor, needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")

    name = config.onnx_file
    try:
        session = onnxruntime.InferenceSession(
            folder / name, options, providers=["CPUExecutionProvider"], disabled_optimizers=[SLOW_FUSION]
        )
    except Exception as error:  # onnxruntime's exceptions share no narrower base
        raise _broken(folder, f"{name} cannot be read by onnxruntime ({_first_line(error)})") from error
    widths = {output.name: output.shape[-1:] for output in session.get_outputs()}
    inputs = {value.name for value in session.get_inputs()}
    # Without an encoder there is no attention, and no mask.
    if inputs - {"attention_mask"} != {"input_ids"} or "logits" not in widths:
        raise _broken(folder, f"{name} does not map input_ids and attention_mask to logits")
    if widths["logits"] != [len(config.labels)]:
        raise _broken(folder, f"{name} does not give one logit for each of {len(config.labels)} labels")
    return session


def usable_cores() -> int:
    """Cores this process may run on: in a container these can be far fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _broken(folder: Path, problem: str) -> ModelError:
    return ModelError(f"The model in {folder} cannot be used: {problem}; {_REMEDY}.")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
