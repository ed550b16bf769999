"""All that touches blurr: data loaders that tokenize batch by batch, and the fastai Learner on them."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

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

from paper_tasks.data.targets import FITS
from paper_tasks.modeling import metrics
from paper_tasks.modeling.model import PaperTaskModel
from paper_tasks.training import blurr_compat  # noqa: F401  (before blurr)
from paper_tasks.training.cpu import ATTENTION, bound_kept_memory, keep_freed_memory

# isort: split
# From the core modules only: blurr's "all" modules import a metric loader that `datasets` dropped.
from blurr.text.data.core import TextBlock
from blurr.text.modeling.core import BaseModelCallback, BaseModelWrapper
from blurr.text.modeling.core import blurr_splitter as blurr_splitter  # for the baseline of the original's recipe


class EpochDL(SortedDL):
    """fastai's SortedDL (texts of similar length together), in an order that seed and epoch determine.

    `skip` leaves out the first batches of the epoch, which a resumed run has trained on before.
    """

    def __init__(self, dataset: Any = None, seed: int = 0, epoch: int = 0, skip: int = 0, **options: Any) -> None:
        super().__init__(dataset, **options)
        self.seed, self.epoch, self.skip = seed, epoch, skip

    def shuffle_fn(self, idxs: Any) -> list[int]:
        """The indices in batches of similar length, in random order.

        SortedDL draws from numpy's global generator, whose state is put back.
        """
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

    targets: (papers, labels), 0 and 1, or other values that the loss can read. texts: the text of each row. lengths:
    of each text, in any unit; texts of similar length come together.
    """
    targets = np.asarray(targets, dtype=np.float32)
    block = TextBlock(
        hf_arch=model.config.model_type,
        hf_config=model.config,
        hf_tokenizer=tokenizer,
        hf_model=model,
        include_labels=False,
        max_length=max_length,
        # Without lengths of its own, it would tokenize every text before the first batch.
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
        device=device(),
        dl_kwargs=[{"res": lengths[:train_rows]}, {"val_res": lengths[train_rows:]}],
    )


def device() -> torch.device:
    """What trains here: the GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def device_name() -> str:
    """What trains here, for a reader: the GPU's name, or the number of the CPU's cores."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else f"{os.cpu_count()} CPU cores"


def workers() -> int:
    """Processes that prepare batches: a GPU would wait for one; a CPU's cores have enough to do."""
    if not torch.cuda.is_available():
        return 0
    # Each of them tokenizes by itself; the tokenizer's own threads do not survive a fork.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    return min(12, os.cpu_count() or 1)


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
    """The encoder's lower half, its upper half, the head, and the weights by which the head adds up its evidence.

    They have learning rates of their own.

    The embeddings belong to the lower half if they train. On a CPU, a step of the optimizer over a table of 30,000
    tokens costs as much as some layers.
    """
    model = wrapper.hf_model
    embeddings = list(model.encoder.embeddings.parameters())
    known = {id(parameter) for parameter in embeddings}
    body = [parameter for parameter in model.encoder.parameters() if id(parameter) not in known]
    half = len(body) // 2
    lower = [*embeddings, *body[:half]] if train_embeddings else body[:half]
    for parameter in embeddings:
        parameter.requires_grad_(train_embeddings)
    matrices = [*model.head.whole.parameters(), *model.head.mention.parameters(), *model.head.fits.parameters()]
    known = {id(parameter) for parameter in matrices}
    return [lower, body[half:], matrices, [one for one in model.head.parameters() if id(one) not in known]]


def micro_f1(logits: torch.Tensor, truth: torch.Tensor) -> float:
    """Micro-F1 at a probability of one half. Both tensors: (papers, labels)."""
    return metrics.micro_f1(*_at_one_half(logits, truth)).value()


def macro_f1(logits: torch.Tensor, truth: torch.Tensor) -> float:
    """Macro-F1 at a probability of one half, over the labels that occur. Both tensors: (papers, labels)."""
    return metrics.macro_f1(*_at_one_half(logits, truth)).value()


def _at_one_half(logits: torch.Tensor, truth: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Boolean truth and predictions, both (papers, labels); labels that fit, or are unknown, count as not predicted."""
    is_neutral = (truth == FITS) | truth.isnan()
    return (truth >= 0.5).numpy(), ((logits > 0) & ~is_neutral).numpy()


def learner(
    loaders: DataLoaders,
    model: PaperTaskModel,
    loss: torch.nn.Module,
    *,
    train_embeddings: bool = False,
    weight_decay: float = 0.01,
    callbacks: Sequence[Callback] = (),
) -> Learner:
    """A fastai Learner on blurr's wrapper and callback."""
    built = Learner(
        loaders,
        BaseModelWrapper(model),
        loss_func=loss,
        opt_func=partial(Adam, wd=weight_decay, eps=1e-8),
        splitter=partial(parameter_groups, train_embeddings=train_embeddings),
        metrics=[AccumMetric(score, flatten=False) for score in (micro_f1, macro_f1)],
        # By default fastai trains the encoder's layer norms even when it is frozen.
        train_bn=False,
        cbs=[BaseModelCallback, *callbacks],
    )
    return in_half_precision(built)


def in_half_precision(learn: Learner) -> Learner:
    """The same Learner, training in half precision where GPU or CPU have it."""
    if torch.cuda.is_available():
        return learn.to_bf16() if torch.cuda.is_bf16_supported() else learn.to_fp16()
    # A CPU that emulates bfloat16 is slower with it than with float32. PyTorch has no public way to ask.
    return learn.add_cb(CpuBFloat16()) if torch.cpu._is_avx512_bf16_supported() else learn
