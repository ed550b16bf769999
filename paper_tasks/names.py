"""Exact names: the runs of tokens that name a label, and how often each label is named in a text.

An encoder takes long to tell exact wordings apart; a list of them is exact at once, and leaves the encoder to learn
what a paper that names no task is about. It travels inside the model: ONNX has an operator for it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from tokenizers import Encoding, Tokenizer
from torch import nn
from tqdm import tqdm
from transformers import PreTrainedTokenizerBase

from paper_tasks.label import Labeller

# Tokens of a text in which names are sought, far beyond what an encoder reads; few abstracts are as long.
TEXT_TOKENS = 1024
# A longer run of tokens names hardly anything.
MOST_TOKENS = 12
# Tokens that name a label in fewer of the places where they stand ("gp", of "gps" and "GP") are no name.
LEAST_PRECISION = 0.8

# Token ids, and the places of the labels that they name.
Name = tuple[tuple[int, ...], tuple[int, ...]]


def collect_names(
    texts: Sequence[str], labeller: Labeller, tokenizer: PreTrainedTokenizerBase
) -> tuple[list[Name], list[set[int]]]:
    """The runs of tokens by which the texts name the labeller's tasks, sorted; and the tasks that each text names.

    Runs that mostly stand for something else (`LEAST_PRECISION`), or are longer than `MOST_TOKENS`, are left out.
    """
    named: dict[tuple[int, ...], Counter[tuple[int, ...]]] = {}
    ids: list[list[int]] = []
    tasks: list[set[int]] = []
    for text, encoding in zip(texts, _encode(texts, tokenizer), strict=True):
        starts, ends = np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2).T
        mentions = labeller.mentions(text)
        ids.append(encoding.ids)
        tasks.append({place for mention in mentions for place in mention.tasks})
        for mention in mentions:
            first, after = np.searchsorted(ends, mention.start, "right"), np.searchsorted(starts, mention.end)
            if 0 < after - first <= MOST_TOKENS:
                named.setdefault(tuple(encoding.ids[first:after]), Counter())[mention.tasks] += 1

    everywhere: Counter[tuple[int, ...]] = Counter()
    for text_ids in ids:
        everywhere.update(run for run in runs(text_ids) if run in named)
    names = (
        (run, places)
        for run, counts in named.items()
        for places, times in counts.most_common(1)
        if times >= LEAST_PRECISION * everywhere[run]
    )
    return sorted(names), tasks


def token_ids(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> list[list[int]]:
    """The ids of each text's tokens, all of them, and no special ones."""
    return [encoding.ids for encoding in _encode(texts, tokenizer)]


def runs(ids: Sequence[int], longest: int = MOST_TOKENS) -> Iterable[tuple[int, ...]]:
    """Every run of 1 to `longest` ids."""
    ids = tuple(ids)
    return (ids[start : start + size] for size in range(1, longest + 1) for start in range(len(ids) - size + 1))


class CountRuns(torch.autograd.Function):
    """How often each of some groups of runs stands in a row of ids: ONNX's operator TfIdfVectorizer, in PyTorch."""

    @staticmethod
    def forward(ctx: Any, input_ids: torch.Tensor, group_of: dict[tuple[int, ...], int]) -> torch.Tensor:
        """input_ids: (batch, sequence); group_of: runs to groups, from 0. Returns float (batch, groups)."""
        counts = np.zeros((input_ids.shape[0], max(group_of.values()) + 1), dtype=np.float32)
        longest = max(map(len, group_of))
        for row, ids in enumerate(input_ids.tolist()):
            for run in runs(ids, longest):
                if (group := group_of.get(run)) is not None:
                    counts[row, group] += 1
        return torch.from_numpy(counts).to(input_ids.device)

    @staticmethod
    def symbolic(g: Any, input_ids: Any, group_of: dict[tuple[int, ...], int]) -> Any:
        """The same as a node of the exported graph."""
        ordered = sorted(group_of, key=lambda run: (len(run), run))
        longest = max(map(len, ordered))
        sizes = Counter(map(len, ordered))
        starts = np.cumsum([0] + [size * sizes[size] for size in range(1, longest)])
        return g.op(
            "TfIdfVectorizer",
            input_ids,
            mode_s="TF",
            min_gram_length_i=1,
            max_gram_length_i=longest,
            max_skip_count_i=0,
            ngram_counts_i=starts.tolist(),
            ngram_indexes_i=[group_of[run] for run in ordered],
            pool_int64s_i=[number for run in ordered for number in run],
        ).setType(input_ids.type().with_dtype(torch.float).with_sizes([None, max(group_of.values()) + 1]))


class NameCounts(nn.Module):
    """How often a text names each label."""

    def __init__(self, names: Sequence[Name], labels: int) -> None:
        super().__init__()
        groups = {places: number for number, places in enumerate(sorted({places for _, places in names}))}
        self._group_of = {run: groups[places] for run, places in names}
        members = torch.zeros(len(groups), labels)
        for places, number in groups.items():
            members[number, list(places)] = 1
        # From the names alone, which are kept by themselves.
        self.register_buffer("members", members, persistent=False)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        """input_ids: (batch, sequence), padded or not. Returns (batch, labels)."""
        if not self._group_of:
            return self.members.new_zeros(len(input_ids), self.members.shape[1])
        return CountRuns.apply(input_ids, self._group_of) @ self.members


def _encode(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> Iterator[Encoding]:
    """Neither cut nor padded, as the tokenizer may be set to; its settings are kept."""
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    backend.no_truncation()
    backend.no_padding()
    for start in tqdm(range(0, len(texts), 1000), desc="tokenizing", unit="thousand papers", delay=1, disable=None):
        yield from backend.encode_batch(list(texts[start : start + 1000]), add_special_tokens=False)
