"""What limits a model: the shares of its time by kind of work, and its int8 rate beside the CPU's.

`speed` starts this module as a program.
"""

import argparse
import json
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from paper_tasks.benchmark.systems import keep_to_cores
from paper_tasks.tagger import model_folder
from paper_tasks.tagger.classifier import TaskClassifier
from paper_tasks.tagger.text import format_paper

import onnxruntime  # isort: skip  (after model_folder, which turns its telemetry off)

TOKENIZING, PRODUCTS, ATTENTION, REST = "tokenizing", "int8 matrix products", "attention", "everything else"
# The names of matrix products in an optimized graph; the weight is the second input of each.
PRODUCT_OPS = {"MatMulInteger", "MatMulIntegerToFloat", "DynamicQuantizeMatMul"}
# Nodes that run once for each paper, and not for each token.
ONCE_A_PAPER = re.compile("/(head|words)/")
# Rows, inner size and columns of the product that measures the peak: larger than the model's, and fits the cache.
PEAK_SHAPE = (512, 1024, 1024)
REPEATS = 7


def limits(model: Path, papers: list[tuple[str, str]], threads: int) -> dict[str, Any]:
    """The values of a BenchReport that describe the model: `time_shares` of one thread, int8 rates of all threads."""
    config = model_folder.read_config(model)
    texts = [format_paper(*paper, config.text_format) for paper in papers]
    tokenizer = model_folder.open_tokenizer(model, config)
    start = time.perf_counter()
    # One text at a time uses one thread, as the profile below does.
    encoded = [tokenizer.encode(text).ids for text in texts]
    tokenizing = time.perf_counter() - start

    onnx_file = model / config.onnx_file
    per_token = multiply_adds(onnx_file)
    seconds = _profile(onnx_file, encoded)
    products = sum(seconds[op] for op in PRODUCT_OPS)
    attention = seconds["QAttention"]
    # QAttention is an int8 product and then attention; its product is assumed to run at the rate of the others.
    projection = min(attention, products * per_token["QAttention"] / max(1, per_token["products"]))
    shares = {
        TOKENIZING: tokenizing,
        PRODUCTS: products + projection,
        ATTENTION: attention - projection,
        REST: sum(seconds.values()) - products - attention,
    }
    total = sum(shares.values())

    tokens = sum(min(len(ids), config.encoder_tokens) for ids in encoded)
    classifier = TaskClassifier.load(model, threads, bulk=True)
    rates, peaks = [], []
    for _ in range(3):
        start = time.perf_counter()
        classifier.logits(papers)
        rates.append(2 * sum(per_token.values()) * tokens / (time.perf_counter() - start))
        peaks.append(int8_peak(threads))
    return {
        "time_shares": {name: value / total for name, value in shares.items()},
        "int8_peak_share": statistics.median(rates) / statistics.median(peaks),
        "int8_gops": statistics.median(rates) / 1e9,
        "int8_peak_gops": statistics.median(peaks) / 1e9,
        "tokens_per_paper": sum(map(len, encoded)) / len(encoded),
    }


def multiply_adds(path: Path) -> dict[str, int]:
    """int8 multiply-adds for each token that the encoder reads: in attention's projections, and in other products."""
    graph = onnx.load(path).graph
    shapes = {weight.name: tuple(weight.dims) for weight in graph.initializer}
    found = {"QAttention": 0, "products": 0}
    for node in graph.node:
        if (node.op_type in PRODUCT_OPS or node.op_type == "QAttention") and not ONCE_A_PAPER.search(node.name):
            found["QAttention" if node.op_type == "QAttention" else "products"] += int(np.prod(shapes[node.input[1]]))
    return found


def int8_peak(threads: int) -> float:
    """Operations a second of one large MatMulInteger, two for each multiply-add; the best of several runs."""
    rows, inner, columns = PEAK_SHAPE
    rng = np.random.default_rng(0)
    # The model's weights have 7 bits.
    weight = rng.integers(-63, 64, (inner, columns), dtype=np.int8)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["a", "b"], ["c"])],
        "peak",
        [helper.make_tensor_value_info("a", TensorProto.UINT8, [rows, inner])],
        [helper.make_tensor_value_info("c", TensorProto.INT32, [rows, columns])],
        [onnx.numpy_helper.from_array(weight, "b")],
    )
    product = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(product.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feed, times = {"a": rng.integers(0, 256, (rows, inner), dtype=np.uint8)}, []
    for _ in range(REPEATS):
        start = time.perf_counter()
        session.run(None, feed)
        times.append(time.perf_counter() - start)
    return 2 * rows * inner * columns / min(times)


def _profile(path: Path, encoded: list[list[int]]) -> Counter[str]:
    """Seconds by operator, when one thread runs all texts."""
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        options.enable_profiling = True
        options.profile_file_prefix = f"{folder}/profile"
        session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"], disabled_optimizers=[model_folder.SLOW_FUSION]
        )
        for ids in encoded:
            input_ids = np.array([ids], dtype=np.int64)
            session.run(["logits"], {"input_ids": input_ids, "attention_mask": np.ones_like(input_ids)})
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    seconds: Counter[str] = Counter()
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            seconds[event["args"]["op_name"]] += event["dur"] / 1e6
    return seconds


def _main() -> None:
    parser = argparse.ArgumentParser()
    for option, kind in (("threads", int), ("model", Path), ("papers", Path)):
        parser.add_argument(f"--{option}", type=kind, required=True)
    options = parser.parse_args()
    keep_to_cores(options.threads)
    papers = [tuple(paper) for paper in json.loads(options.papers.read_text(encoding="utf-8"))]
    json.dump(limits(options.model, papers, options.threads), sys.stdout)


if __name__ == "__main__":
    _main()
