import platform
import subprocess
import sys

import pytest
import torch

from paper_tasks.modeling.backbones import load_backbone
from paper_tasks.training.cpu import ATTENTION
from tests import ROOT


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


# In a process of its own, because the options of the C library stay as they are set.
MEASURED = """
import resource, torch, psutil
from paper_tasks.training.cpu import bound_kept_memory, keep_freed_memory

def faults():
    # The first array may be in memory that no array has used.
    for _ in range(2):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(20):
            torch.ones(10_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def handed_back(beyond):
    before = resident().rss
    bound_kept_memory(before + beyond)
    return before - resident().rss

returned = faults()
keep_freed_memory()
kept = faults()
resident = psutil.Process().memory_info
arrays = [torch.ones(1_000_000) for _ in range(100)]
arrays[:-1] = []
print(returned, kept, handed_back(100_000_000), handed_back(-100_000_000))
"""


@pytest.fixture(scope="module")
def measured():
    """Page faults where freed memory is returned and where it is kept; bytes handed back below a bound and above it."""
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        pytest.skip("asks glibc for it")
    ran = subprocess.run([sys.executable, "-c", MEASURED], cwd=ROOT, capture_output=True, text=True, check=True)
    return [int(number) for number in ran.stdout.split()]


@pytest.mark.slow
def test_the_pages_of_freed_arrays_are_kept(measured):
    # Pages are of 4 KB, or of 2 MB if the system prefers large ones.
    returned, kept, *_ = measured
    assert kept < 0.1 * returned


@pytest.mark.slow
def test_too_much_freed_memory_is_returned_to_the_system(measured):
    *_, below, above = measured
    assert below < 10_000_000 and above > 300_000_000
