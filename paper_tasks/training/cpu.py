"""Two things that make training on a CPU faster: attention in bfloat16 throughout, and memory that is kept.

Autocast computes softmax in float32, and the backward pass of PyTorch's fused attention is slow. At 192 tokens
attention would take half of a training step.
"""

import ctypes
import os
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask

ATTENTION = "bfloat16"
# Options of glibc's mallopt, from its malloc.h.
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
# Bytes; on a small machine, half of its memory. A step of 32 texts of 250 tokens needs 5 GB.
MOST_MEMORY = 8_000_000_000


def attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Scaled dot products (Vaswani et al., 2017), as transformers' eager attention computes them.

    query, key, value: (batch, heads, sequence, size of a head). attention_mask: added to the products; its shape
    broadcasts to (batch, heads, sequence, sequence). Returns (batch, sequence, heads, size of a head), and the weights.
    """
    with torch.autocast("cpu", enabled=False):
        products = torch.matmul(query * scaling, key.transpose(2, 3))
        if attention_mask is not None:
            products = products + attention_mask.to(products.dtype)
        weights = nn.functional.dropout(products.softmax(dim=-1), p=dropout, training=module.training)
        return torch.matmul(weights, value).transpose(1, 2).contiguous(), weights


AttentionInterface.register(ATTENTION, attention)
# transformers passes a mask only to an attention that has registered one.
AttentionMaskInterface.register(ATTENTION, eager_mask)


def keep_freed_memory() -> None:
    """Makes glibc keep freed memory for the next step of a training; another C library stays as it is.

    By default glibc returns large arrays to the system at once, which clears each page again for every step. At 250
    tokens that takes a third of the time. Call `bound_kept_memory` after each step.
    """
    if libc := _glibc():
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def bound_kept_memory(most: int = MOST_MEMORY) -> None:
    """Returns freed memory to the system if the process has more than `most` bytes, or half of the machine's memory.

    Batches differ in size, and the memory that one has freed may be too small for the next. In half an hour the kept
    memory would grow to 20 GB.
    """
    if (libc := _glibc()) and _resident() > min(most, _physical() / 2):
        libc.malloc_trim(0)


def _resident() -> int:
    """Bytes of memory that the process has, on Linux."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _physical() -> int:
    """Bytes of memory that the machine has."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _glibc() -> ctypes.CDLL | None:
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    return libc if hasattr(libc, "malloc_trim") else None
