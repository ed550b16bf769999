"""Exact names: the runs of tokens that name a label, and how often a text names each label.

An encoder learns exact wordings slowly. A list of them is exact at once, and the encoder can learn what a paper is
about that names no task. The list is part of the exported model: ONNX has an operator for it.
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

from paper_tasks.data.distant_labels import Labeller

# Tokens of a text that are searched for names: far more than an encoder reads, and than most abstracts have.
TEXT_TOKENS = 1024
# Most tokens of a name; hardly any is longer.
MOST_TOKENS = 12
# Least share of a run's occurrences in which it names its label. "gp" has less, as a part of "gps" and of "GP";
# "inductive bias" has two thirds, as a part of "inductive biases", and is better kept.
LEAST_PRECISION = 0.65

# Token ids, and the indices of the labels that they name.
Name = tuple[tuple[int, ...], tuple[int, ...]]


def collect_names(
    texts: Sequence[str], labeller: Labeller, tokenizer: PreTrainedTokenizerBase
) -> tuple[list[Name], list[set[int]]]:
    """The runs of tokens by which the texts name the labeller's tasks, sorted; and the tasks that each text names.

    Runs of more than `MOST_TOKENS` tokens are left out, and runs that are rarely a name (`LEAST_PRECISION`).
    """
    named: dict[tuple[int, ...], Counter[tuple[int, ...]]] = {}
    ids: list[list[int]] = []
    tasks: list[set[int]] = []
    for text, encoding in zip(texts, _encode(texts, tokenizer), strict=True):
        starts, ends = np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2).T
        mentions = labeller.mentions(text)
        ids.append(encoding.ids)
        tasks.append({task for mention in mentions for task in mention.tasks})
        for mention in mentions:
            first, after = np.searchsorted(ends, mention.start, "right"), np.searchsorted(starts, mention.end)
            if 0 < after - first <= MOST_TOKENS:
                named.setdefault(tuple(encoding.ids[first:after]), Counter())[mention.tasks] += 1

    everywhere: Counter[tuple[int, ...]] = Counter()
    for text_ids in ids:
        everywhere.update(run for run in runs(text_ids) if run in named)
    names = (
        (run, indices)
        for run, counts in named.items()
        for indices, times in counts.most_common(1)
        if times >= LEAST_PRECISION * everywhere[run]
    )
    return sorted(names), tasks


def token_ids(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> list[list[int]]:
    """The ids of all tokens of each text, without special tokens."""
    return [encoding.ids for encoding in _encode(texts, tokenizer)]


def runs(ids: Sequence[int], longest: int = MOST_TOKENS) -> Iterable[tuple[int, ...]]:
    """Every run of 1 to `longest` ids."""
    ids = tuple(ids)
    return (ids[start : start + size] for size in range(1, longest + 1) for start in range(len(ids) - size + 1))


class RunTable:
    """Runs of token ids, each of one group, that are looked up in a whole batch at once.

    Runs of one length are found by a hash, and then compared.
    """

    # An odd number of 62 bits: sums of ids, each times a power of it, are hashes that hardly ever collide.
    FACTOR = 2_862_933_555_777_941_757

    def __init__(self, group_of: dict[tuple[int, ...], int]) -> None:
        """group_of: the group of each run, counted from 0."""
        self.group_of = group_of
        self.groups = max(group_of.values()) + 1
        by_size: dict[int, list[tuple[int, ...]]] = {}
        for run in group_of:
            by_size.setdefault(len(run), []).append(run)
        self._tables = {size: self._table(runs) for size, runs in by_size.items()}
        self._device = torch.device("cpu")

    def _table(self, runs: list[tuple[int, ...]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """For runs of one length, in the order of their hashes: hashes (runs,), ids (runs, size) and groups (runs,)."""
        ids = torch.tensor(runs)
        hashes, order = self._hash(ids).sort()
        return hashes, ids[order], torch.tensor([self.group_of[run] for run in runs])[order]

    def _hash(self, ids: torch.Tensor) -> torch.Tensor:
        """The hashes of runs: int64 (..., size) to (...)."""
        hashes = torch.zeros_like(ids[..., 0])
        for column in ids.unbind(-1):
            hashes = hashes * self.FACTOR + column
        return hashes

    def count(self, input_ids: torch.Tensor) -> torch.Tensor:
        """How often runs of each group occur in each row: (batch, sequence) to float (batch, groups)."""
        counts = torch.zeros(input_ids.shape[0], self.groups, device=input_ids.device)
        # Padded with what is no id, so that even a short row has windows of every size.
        padded = nn.functional.pad(input_ids, (0, max(self._tables)), value=-1)
        if self._device != input_ids.device:
            # Once, not for every batch.
            device = self._device = input_ids.device
            self._tables = {
                size: (hashes.to(device), ids.to(device), groups.to(device))
                for size, (hashes, ids, groups) in self._tables.items()
            }
        for size, (hashes, ids, groups) in self._tables.items():
            windows = padded.unfold(1, size, 1)
            # Without the last hash, so that a greater one gets the last index instead of one too many.
            index = torch.searchsorted(hashes[:-1], self._hash(windows))
            row, column = (ids[index] == windows).all(dim=-1).nonzero(as_tuple=True)
            found = groups[index[row, column]]
            counts.index_put_((row, found), torch.ones_like(found, dtype=counts.dtype), accumulate=True)
        return counts


class CountRuns(torch.autograd.Function):
    """How often runs of each group occur in each row of ids: ONNX's operator TfIdfVectorizer, in PyTorch."""

    @staticmethod
    def forward(ctx: Any, input_ids: torch.Tensor, table: RunTable) -> torch.Tensor:
        """input_ids: (batch, sequence). Returns float (batch, groups)."""
        return table.count(input_ids)

    @staticmethod
    def symbolic(g: Any, input_ids: Any, table: RunTable) -> Any:
        """The node of the exported graph that does the same."""
        group_of = table.group_of
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
        ).setType(input_ids.type().with_dtype(torch.float).with_sizes([None, table.groups]))


def count_runs(input_ids: torch.Tensor, table: RunTable) -> torch.Tensor:
    """How often runs of each group occur in each row of ids: (batch, sequence) to float (batch, groups)."""
    counts: torch.Tensor = CountRuns.apply(input_ids, table)  # type: ignore[no-untyped-call]  # PyTorch has no type
    return counts


class NameCounts(nn.Module):
    """How often a text names each label."""

    members: torch.Tensor

    def __init__(self, names: Sequence[Name], labels: int) -> None:
        super().__init__()
        groups = {named: number for number, named in enumerate(sorted({named for _, named in names}))}
        self._table = RunTable({run: groups[named] for run, named in names}) if names else None
        members = torch.zeros(len(groups), labels)
        for named, number in groups.items():
            members[number, list(named)] = 1
        # Not saved: it follows from the names, which have a file of their own.
        self.register_buffer("members", members, persistent=False)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        """input_ids: (batch, sequence), padded or not. Returns (batch, labels)."""
        if self._table is None:
            # Not `len`, which the exporter would make a constant.
            return self.members.new_zeros(input_ids.shape[0], self.members.shape[1])
        return count_runs(input_ids, self._table) @ self.members


def _encode(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> Iterator[Encoding]:
    """The texts' tokens, neither cut nor padded. The tokenizer's own settings stay as they are."""
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    backend.no_truncation()
    backend.no_padding()
    for start in tqdm(range(0, len(texts), 1000), desc="tokenizing", unit="thousand papers", delay=1, disable=None):
        yield from backend.encode_batch(list(texts[start : start + 1000]), add_special_tokens=False)
