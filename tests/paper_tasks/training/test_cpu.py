import platform
import subprocess
import sys

import pytest
import torch

from paper_tasks.modeling.backbones import load_backbone
from paper_tasks.training.cpu import ATTENTION


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_it_equals_transformers_attention_with_padding(backbone, precision):
    encoder, tokenizer = load_backbone(backbone)
    batch = tokenizer(["consoles", "photographs described in sentences for readers"], padding=True, return_tensors="pt")
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
    encoder.eval()

    def states(name):
        encoder.set_attn_implementation(name)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
            return encoder(**inputs).last_hidden_state[inputs["attention_mask"] > 0].float()

    tolerance = 1e-5 if precision == torch.float32 else 0.05
    torch.testing.assert_close(states(ATTENTION), states("eager"), atol=tolerance, rtol=0)


FAULTS = """
import resource, sys, torch
from paper_tasks.training.cpu import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
# The first array may be in memory that no array has used.
for _ in range(2):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.ones(10_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


FRAGMENTS = """
import psutil, sys, torch
from paper_tasks.training.cpu import bound_kept_memory, keep_freed_memory
resident = psutil.Process().memory_info
keep_freed_memory()
arrays = [torch.ones(1_000_000) for _ in range(100)]
arrays[:-1] = []
before = resident().rss
bound_kept_memory(before + int(sys.argv[1]))
print(before - resident().rss)
"""


def child(code, *arguments):
    ran = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return int(ran.stdout)


needs_glibc = pytest.mark.skipif(
    sys.platform != "linux" or platform.libc_ver()[0] != "glibc", reason="asks glibc for it"
)


@needs_glibc
def test_the_pages_of_freed_arrays_are_kept():
    # Pages are of 4 KB, or of 2 MB if the system prefers large ones.
    assert child(FAULTS, "keep") < 0.1 * child(FAULTS, "return")


@needs_glibc
def test_too_much_freed_memory_is_returned_to_the_system():
    assert child(FRAGMENTS, "100_000_000") < 10_000_000
    assert child(FRAGMENTS, "-100_000_000") > 300_000_000
