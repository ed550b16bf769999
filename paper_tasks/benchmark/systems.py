"""The systems that `bench` compares. Each runs in a process of its own, which imports only what the system needs.

`speed` starts this module as a program: Annif with the Python of its own environment, all others with ours.
"""

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

Papers = list[tuple[str, str]]
# Tags a list of papers in the way that its users call it.
System = Callable[[Papers], Any]

OURS, FAST, ORIGINAL, FP32 = "ours, int8", "ours, fast tier", "the original's recipe", "transformers, fp32"
ANNIF = "Annif (Omikuji)"
BULK, LATENCY = "bulk", "latency"
# The line that reports the first answer.
ANSWERED = "answered\n"
# RoBERTa's vocabulary, the labels, and RoBERTa's longest text in tokens.
VOCABULARY, LABELS, WINDOW = 50_265, 260, 512
SIZES = {
    "distilroberta": {
        "hidden_size": 768,
        "num_hidden_layers": 6,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
    },
    # Only to try the benchmark on.
    "tiny": {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64},
}
# Papers to tag before the measurement starts, and papers to tag one by one.
WARM_UP, ONE_BY_ONE = 8, 200
# The batch size of Annif's own commands.
ANNIF_BATCH = 32


class Folders(NamedTuple):
    """The folders of the systems: an exported model, what `build_original` wrote, a project that `Annif.keep` wrote."""

    model: Path
    original: Path
    annif: Path | None = None


def open_system(name: str, mode: str, threads: int, folders: Folders) -> System:
    """Loads a system, and returns the function that tags papers with it."""
    if name in (OURS, FAST):
        from paper_tasks.tagger.classifier import FAST as FAST_TIER
        from paper_tasks.tagger.classifier import FULL, TaskClassifier

        tier = FAST_TIER if name == FAST else FULL
        return TaskClassifier.load(folders.model, threads, bulk=mode == BULK, tier=tier).predict
    if name == ANNIF:
        return _annif(folders)
    return {ORIGINAL: _original, FP32: _fp32}[name](folders.original, threads)


def build_original(folder: Path, texts: Iterable[str], size: str = "distilroberta") -> None:
    """Writes a RoBERTa classifier with random weights: `fp32/`, `model.onnx` in dynamic int8, and `tokenizer/`.

    Random weights take the same time as trained ones. The byte-level BPE learns from `texts`, so it makes fewer tokens
    of them than RoBERTa's own would, which makes this recipe faster.
    """
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from tokenizers import ByteLevelBPETokenizer
    from transformers import RobertaConfig, RobertaForSequenceClassification, RobertaTokenizerFast

    from paper_tasks.export.onnx import plain_onnx

    tokenizer, fp32 = folder / "tokenizer", folder / "fp32"
    tokenizer.mkdir(parents=True)
    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(texts, VOCABULARY, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    bpe.save_model(str(tokenizer))
    RobertaTokenizerFast.from_pretrained(str(tokenizer), model_max_length=WINDOW).save_pretrained(tokenizer)
    torch.manual_seed(22)
    settings: dict[str, Any] = SIZES[size] | {
        "vocab_size": VOCABULARY,
        "max_position_embeddings": WINDOW + 2,
        "type_vocab_size": 1,
        "num_labels": LABELS,
    }
    model = RobertaForSequenceClassification(RobertaConfig(**settings)).eval()
    model.save_pretrained(fp32)
    plain_onnx(model, folder / "fp32.onnx", outputs=["logits"])
    quantize_dynamic(folder / "fp32.onnx", folder / "model.onnx", weight_type=QuantType.QUInt8)
    (folder / "fp32.onnx").unlink()


def model_files(name: str, folders: Folders) -> list[Path]:
    """The files of a system's model and tokenizer, without the packages that run it."""
    if name == ANNIF:
        assert folders.annif, "Annif is measured only with a project"
        return [file for file in (folders.annif / "data").rglob("*") if file.is_file()]
    if name in (OURS, FAST):
        folder = folders.model / "fast" if name == FAST else folders.model
        config = folder / "config.json"
        return [config, *(folder / file for file in json.loads(config.read_text(encoding="utf-8"))["files"])]
    original = folders.original
    weights = [original / "model.onnx"] if name == ORIGINAL else [*(original / "fp32").iterdir()]
    return [*weights, original / "tokenizer" / "tokenizer.json"]


def peak_mib() -> float:
    """The highest resident memory of this process so far, in MiB."""
    try:
        # The peak of getrusage would start with that of the parent process.
        with open("/proc/self/status", encoding="utf-8") as status:
            (kib,) = (line.split()[1] for line in status if line.startswith("VmHWM:"))
        return int(kib) / 1024
    except FileNotFoundError:  # macOS has no /proc, and counts bytes
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def keep_to_cores(threads: int) -> None:
    """Lets this process run on so many cores only, if the operating system supports it."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def _original(folder: Path, threads: int) -> System:
    import onnxruntime
    import torch
    from transformers import AutoTokenizer

    torch.set_num_threads(threads)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
    tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer")

    def answer(papers: Papers) -> list[torch.Tensor]:
        found = []
        for title, abstract in papers:
            inputs = tokenizer(f"{title}. {abstract}", truncation=True, max_length=WINDOW, return_tensors="np")
            feed = {name: inputs[name] for name in ("input_ids", "attention_mask")}
            (logits,) = session.run(["logits"], feed)
            found.append(torch.sigmoid(torch.from_numpy(logits))[0])
        return found

    return answer


def _fp32(folder: Path, threads: int) -> System:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.set_num_threads(threads)
    model = AutoModelForSequenceClassification.from_pretrained(folder / "fp32").eval()
    tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer")

    @torch.inference_mode()
    def answer(papers: Papers) -> list[torch.Tensor]:
        found = []
        for title, abstract in papers:
            inputs = tokenizer(f"{title}. {abstract}", truncation=True, max_length=WINDOW, return_tensors="pt")
            logits = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]).logits
            found.append(torch.sigmoid(logits)[0])
        return found

    return answer


def _annif(folders: Folders) -> System:
    """Annif through the functions that its own commands and its server call; needs the Python of its environment."""
    from paper_tasks.evaluation.baselines.annif_client import environment

    assert folders.annif, "needs a project that `Annif.keep` wrote"
    os.environ |= environment(folders.annif)
    import annif
    import annif.registry
    from annif.corpus import Document

    app = annif.create_flask_app("annif.default_config.ProductionConfig")
    with app.app_context():
        annif.registry.initialize_projects(app)
        project = annif.registry.get_project("tasks")

    def answer(papers: Papers) -> list[list[Any]]:
        documents = [Document(text=f"{title}. {abstract}") for title, abstract in papers]
        batches = (documents[start : start + ANNIF_BATCH] for start in range(0, len(documents), ANNIF_BATCH))
        return [[*suggestions] for batch in batches for suggestions in project.suggest(batch)]

    return answer


def _main() -> None:
    """Prints a line after the first answer, and then the measurements as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("system")
    parser.add_argument("mode", choices=(BULK, LATENCY))
    parser.add_argument("--threads", type=int, required=True)
    for option in ("papers", *Folders._fields):
        parser.add_argument(f"--{option}", type=Path, required=option not in Folders._field_defaults)
    options = parser.parse_args()
    keep_to_cores(options.threads)
    papers = [tuple(paper) for paper in json.loads(options.papers.read_text(encoding="utf-8"))]
    folders = Folders(options.model, options.original, options.annif)
    answer = open_system(options.system, options.mode, options.threads, folders)
    answer(papers[:1])
    print(ANSWERED, end="", flush=True)
    answer(papers[:WARM_UP])
    if options.mode == BULK:
        start = time.perf_counter()
        answer(papers)
        found: dict[str, Any] = {"papers_per_s": len(papers) / (time.perf_counter() - start), "peak_mib": peak_mib()}
    else:
        times = []
        for paper in papers[:ONE_BY_ONE]:
            start = time.perf_counter()
            answer([paper])
            times.append(1000 * (time.perf_counter() - start))
        found = {"times_ms": times}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    _main()
