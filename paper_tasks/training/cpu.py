"""What PyTorch leaves undone for training on a CPU: attention in bfloat16 from end to end, and memory that is kept.

Autocast takes softmax to float32 and back, and PyTorch's fused attention is slow when it goes backwards: at 192 tokens
attention would be half of a training step.
"""

import ctypes
import os
import sys
from pathlib import Path

import torch
from torch import nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask

ATTENTION = "bfloat16"
# glibc's mallopt: names of options, from its malloc.h.
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
# Bytes, where the machine has twice as many. A step of 32 texts of 250 tokens needs 5 GB.
MOST_MEMORY = 8_000_000_000


def attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    dropout: float = 0.0,
    **_,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Scaled dot products (Vaswani et al., 2017), as transformers' eager attention computes them.

    query, key, value: (batch, heads, sequence, size of a head); attention_mask: what is added to the products, of a
    shape that broadcasts to (batch, heads, sequence, sequence). Returns (batch, sequence, heads, size), and the
    weights.
    """
    with torch.autocast("cpu", enabled=False):
        products = torch.matmul(query * scaling, key.transpose(2, 3))
        if attention_mask is not None:
            products = products + attention_mask.to(products.dtype)
        weights = nn.functional.dropout(products.softmax(dim=-1), p=dropout, training=module.training)
        return torch.matmul(weights, value).transpose(1, 2).contiguous(), weights


AttentionInterface.register(ATTENTION, attention)
# Without one of its own, transformers would hand it no mask.
AttentionMaskInterface.register(ATTENTION, eager_mask)


def keep_freed_memory() -> None:
    """Has the C library keep what is freed, for the next step of a training; where it is glibc.

    Else it hands large arrays back to the system at once, which clears each page anew for every step: a third of the
    time at 250 tokens. Call `bound_kept_memory` after each step.
    """
    if libc := _glibc():
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def bound_kept_memory(most: int = MOST_MEMORY) -> None:
    """Hands back what is free, as soon as the process has more than `most` bytes of memory, or half of the machine's.

    Batches differ in size, and what one has freed is too small for the next: in half an hour it would be 20 GB.
    """
    if (libc := _glibc()) and _resident() > min(most, _physical() / 2):
        libc.malloc_trim(0)


def _resident() -> int:
    """Bytes of memory that the process has; on Linux."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _physical() -> int:
    """Bytes of memory that the machine has."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _glibc() -> ctypes.CDLL | None:
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    return libc if hasattr(libc, "malloc_trim") else None
