"""All that touches blurr: data loaders that tokenize batch by batch, and the fastai Learner on them."""

import os
import re
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from fastai.callback.core import Callback
from fastai.callback.schedule import ParamScheduler
from fastai.data.block import DataBlock, MultiCategoryBlock
from fastai.data.core import DataLoaders
from fastai.data.transforms import IndexSplitter
from fastai.learner import Learner
from fastai.metrics import AccumMetric
from fastai.optimizer import Adam
from fastai.text.data import SortedDL
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from paper_tasks.data import vocabulary
from paper_tasks.data.distant_labels import Labeller
from paper_tasks.modeling import metrics
from paper_tasks.modeling.model import PaperTaskModel
from paper_tasks.training import blurr_compat  # noqa: F401  (before blurr)
from paper_tasks.training.cpu import ATTENTION, bound_kept_memory, keep_freed_memory

# isort: split
# From the core modules only: blurr's "all" modules import a metric loader that `datasets` dropped.
from blurr.text.data.core import TextBlock
from blurr.text.modeling.core import BaseModelCallback, BaseModelWrapper
from blurr.text.modeling.core import blurr_splitter as blurr_splitter  # for original.py

SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


class PaperTexts:
    """The texts of the papers by row; those for training with some of the mentions of their labels cut out.

    Else the model would learn to look for names and nothing besides. Of each paper and in each epoch, the mentions of
    every task (all of them, in all its spellings) are cut with probability `mask_rate`; and up to `DECOYS` other runs
    of a few words, lest a gap alone tell that there was a name; and of one text in ten, all but a sentence or two, as
    people paste them. What, depends on `seed`, epoch and row alone.
    """

    DECOYS, DECOY_WORDS = 4, 3
    EXCERPT_RATE, EXCERPT_SENTENCES = 0.1, 2

    def __init__(self, texts: Sequence[str], truth: np.ndarray, labels: Sequence[str], mask_rate: float, seed: int):
        """truth: (training papers, labels), 0 and 1; the texts of more papers than it has stay whole."""
        tasks = [vocabulary.task(name) for name in labels]
        first = {task.canonical: place for place, task in reversed(list(enumerate(tasks)))}
        self._first_spelling = np.array([first[task.canonical] for task in tasks])
        self._labeller = Labeller(tasks)
        self._texts, self._truth = list(texts), truth
        self._mask_rate, self._seed = mask_rate, seed
        self.start_epoch(0)

    def start_epoch(self, epoch: int) -> None:
        """From now on the cuts are those of this epoch."""
        self._epoch = epoch

    def __call__(self, row: int) -> str:
        text = self._texts[row]
        if row >= len(self._truth):
            return text
        rng = np.random.default_rng([self._seed, self._epoch, row, 1])
        tasks = np.unique(self._first_spelling[self._truth[row].nonzero()[0]])
        text = self._labeller.remove_mentions(text, set(tasks[rng.random(len(tasks)) < self._mask_rate].tolist()))
        words = text.split(" ")
        for _ in range(rng.integers(self.DECOYS + 1) if self._mask_rate else 0):
            start = rng.integers(len(words) + 1)
            del words[start : start + rng.integers(1, self.DECOY_WORDS + 1)]
        text = " ".join(words)
        if not self._mask_rate or rng.random() >= self.EXCERPT_RATE:
            return text
        sentences = SENTENCE_END.split(text)
        start = rng.integers(len(sentences))
        return " ".join(sentences[start : start + rng.integers(1, self.EXCERPT_SENTENCES + 1)])


class EpochDL(SortedDL):
    """fastai's SortedDL (texts of like length together), in an order that seed and epoch determine.

    `skip` leaves out the first batches of the epoch: those that a resumed run has trained on.
    """

    def __init__(self, dataset=None, seed: int = 0, epoch: int = 0, skip: int = 0, **kwargs) -> None:
        super().__init__(dataset, **kwargs)
        self.seed, self.epoch, self.skip = seed, epoch, skip

    def shuffle_fn(self, idxs):
        """Batches of like length in random order (numpy's global generator, which SortedDL draws from)."""
        state = np.random.get_state()
        np.random.seed([self.seed, self.epoch])
        try:
            order = list(super().shuffle_fn(idxs))
        finally:
            np.random.set_state(state)
        return order[self.skip * self.bs :]


def data_loaders(
    targets: np.ndarray,
    train_rows: int,
    model: PaperTaskModel | PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Callable[[int], str],
    *,
    labels: Sequence[str],
    lengths: Sequence[int],
    max_length: int,
    batch_size: int,
    seed: int,
) -> DataLoaders:
    """Batches of token ids and targets; the first `train_rows` are for training.

    targets: (papers, labels), of 0 and 1, or what the loss makes of others. texts: the text of each row. lengths: of
    each text, in whatever unit: like long ones come together.
    """
    targets = np.asarray(targets, dtype=np.float32)
    block = TextBlock(
        hf_arch=model.config.model_type,
        hf_config=model.config,
        hf_tokenizer=tokenizer,
        hf_model=model,
        include_labels=False,
        max_length=max_length,
        # Else it would tokenize every text before the first batch.
        dl_type=partial(EpochDL, seed=seed),
    )
    data = DataBlock(
        blocks=(block, MultiCategoryBlock(encoded=True, vocab=[*labels])),
        get_x=texts,
        get_y=lambda row: targets[row],
        splitter=IndexSplitter(range(train_rows, len(targets))),
    )
    return data.dataloaders(
        range(len(targets)),
        bs=batch_size,
        val_bs=batch_size,
        num_workers=workers(),
        device=torch.device("cuda" if torch.cuda.is_available() else "cpu"),
        dl_kwargs=[{"res": lengths[:train_rows]}, {"val_res": lengths[train_rows:]}],
    )


def workers() -> int:
    """Processes that prepare batches: a GPU would wait for one; a CPU's cores have enough to do."""
    if not torch.cuda.is_available():
        return 0
    # Each of them tokenizes by itself; the tokenizer's own threads do not outlive a fork.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    return min(12, os.cpu_count() or 1)


def device_name() -> str:
    """What trains here: the GPU's name, or the number of a CPU's cores."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else f"{os.cpu_count()} CPU cores"


class CpuBFloat16(Callback):
    """Mixed precision for training on a CPU with bfloat16 products: three to four times the papers a second.

    (fastai's own `MixedPrecision` is for CUDA alone.)
    """

    # After the callbacks that may cancel a batch before it begins: what is entered here is always left.
    order = ParamScheduler.order + 1

    def before_fit(self) -> None:
        keep_freed_memory()
        for module in self.model.modules():
            if isinstance(module, PreTrainedModel):
                module.set_attn_implementation(ATTENTION)

    def before_batch(self) -> None:
        self.autocast = torch.autocast("cpu", torch.bfloat16, enabled=self.training)
        self.autocast.__enter__()

    def after_pred(self) -> None:
        self.learn.pred = self.pred.float()
        self.autocast.__exit__(None, None, None)

    def after_batch(self) -> None:
        bound_kept_memory()


def parameter_groups(wrapper: BaseModelWrapper, train_embeddings: bool) -> list[list[torch.nn.Parameter]]:
    """The encoder's lower half, its upper half and the head, for discriminative learning rates.

    The embeddings go with the lower half, or with none: an optimizer step over a table of 30,000 words costs
    a CPU as much as some layers.
    """
    model = wrapper.hf_model
    embeddings = list(model.encoder.embeddings.parameters())
    known = {id(parameter) for parameter in embeddings}
    body = [parameter for parameter in model.encoder.parameters() if id(parameter) not in known]
    half = len(body) // 2
    lower = [*embeddings, *body[:half]] if train_embeddings else body[:half]
    for parameter in embeddings:
        parameter.requires_grad_(train_embeddings)
    return [lower, body[half:], list(model.head.parameters())]


def micro_f1(logits: torch.Tensor, truth: torch.Tensor) -> float:
    """At a probability of one half. Both arrays: (papers, labels)."""
    return metrics.micro_f1(truth.numpy(), (logits > 0).numpy()).value()


def macro_f1(logits: torch.Tensor, truth: torch.Tensor) -> float:
    """At a probability of one half, over the labels that occur. Both arrays: (papers, labels)."""
    return metrics.macro_f1(truth.numpy(), (logits > 0).numpy()).value()


def learner(
    loaders: DataLoaders,
    model: PaperTaskModel,
    loss: torch.nn.Module,
    *,
    train_embeddings: bool = False,
    weight_decay: float = 0.01,
    callbacks: Sequence = (),
) -> Learner:
    """A fastai Learner on blurr's wrapper and callback."""
    built = Learner(
        loaders,
        BaseModelWrapper(model),
        loss_func=loss,
        opt_func=partial(Adam, wd=weight_decay, eps=1e-8),
        splitter=partial(parameter_groups, train_embeddings=train_embeddings),
        metrics=[AccumMetric(score, flatten=False) for score in (micro_f1, macro_f1)],
        # Else fastai trains the encoder's layer norms even when it is frozen.
        train_bn=False,
        cbs=[BaseModelCallback, *callbacks],
    )
    return in_half_precision(built)


def in_half_precision(learn: Learner) -> Learner:
    """The same Learner, training in half precision where GPU or CPU have it."""
    if torch.cuda.is_available():
        return learn.to_bf16() if torch.cuda.is_bf16_supported() else learn.to_fp16()
    # Where such products are emulated they are slower than float32's. PyTorch has no public way to ask.
    return learn.add_cb(CpuBFloat16()) if torch.cpu._is_avx512_bf16_supported() else learn
