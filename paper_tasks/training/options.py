"""The options of `paper-tasks pretrain` and `train`; a module of its own, so that `--help` needs no PyTorch."""

from dataclasses import dataclass
from typing import Annotated

from typer import Option

from paper_tasks.data.options import MOST_SEED
from paper_tasks.tagger.config import ENCODER_TOKENS

Backbone = Annotated[
    str, Option(help="Hub name of an encoder, a folder that holds one, or `minilm`, which `make install` installs.")
]
BudgetMinutes = Annotated[
    float | None,
    Option(min=0.05, help="Wall-clock minutes that the training may take; it ends earlier when its epochs are done."),
]
LearningRate = Annotated[float, Option(min=1e-9, help="Highest learning rate of the cycle, for the head.")]
MaxLength = Annotated[int, Option(min=8, help="Tokens of a paper that the encoder reads at most.")]


@dataclass(frozen=True)
class PretrainOptions:
    """All that a pretraining depends on, besides the papers.

    `phrases` are cut from each text, others in every epoch. The phrases of a batch are each other's wrong answers, so
    a larger batch asks more. Similarities are multiplied by `scale` (as in sentence-transformers) before their softmax.
    With `budget_minutes` (wall clock), the cycle of the learning rate ends with the time or with the epochs, whichever
    comes first.
    """

    backbone: Backbone = "minilm"
    budget_minutes: BudgetMinutes = None
    epochs: Annotated[int, Option(min=1, help="Passes over all texts.")] = 16
    batch_size: Annotated[int, Option(min=2, help="Texts in a step; a GPU has room for 256.")] = 64
    phrases: Annotated[int, Option(min=1, help="Phrases to cut from each text.")] = 6
    learning_rate: Annotated[float, Option(min=1e-9, help="Highest learning rate of the cycle.")] = 2e-4
    max_length: MaxLength = ENCODER_TOKENS
    scale: float = 20.0
    weight_decay: float = 0.01
    dev_papers: int = 1000
    checkpoint_minutes: float = 3.0
    seed: Annotated[int, Option(min=0, max=MOST_SEED, help="Seed of the order of texts and of the cuts.")] = 22


@dataclass(frozen=True)
class TrainOptions:
    """All that a training depends on, besides the papers.

    With `budget_minutes` (wall clock, without some minutes for the words) the learning rates follow the time: the cycle
    ends with the time or with the epochs, whichever comes first. Learning rates are the highest of the cycle, for the
    head. The encoder's upper and lower half get less, down to a `lower_divisor`-th.

    The encoder reads the first `short_length` tokens of a text, but never more than `max_length`. In the last
    `long_share` of each cycle it reads `max_length`, as BERT did (Devlin et al., 2019): short texts are faster.
    `dropout` in the encoder and `train_embeddings` pay over many epochs, for which a CPU has no time.

    With `start_from`, encoder and head start as those of a trained or exported model of the same backbone and tasks:
    one more cycle, best with another seed. With a `teacher`, another trained model, labels are soft: `teacher_share` of
    each is the teacher's probability. Papers without a task are then read too, with the teacher's labels alone.
    """

    backbone: Backbone = "distilroberta-base"
    start_from: Annotated[
        str | None,
        Option(
            metavar="FOLDER",
            help="Start from the encoder and the head of a model that `train` or `export` wrote.",
            show_default=False,
        ),
    ] = None
    teacher: Annotated[
        str | None,
        Option(
            metavar="FOLDER",
            help="Learn from the probabilities of another model that `train` wrote, also on papers without a task.",
            show_default=False,
        ),
    ] = None
    teacher_share: Annotated[
        float, Option(min=0, max=1, help="Share of a label that is the teacher's probability.")
    ] = 0.5
    budget_minutes: BudgetMinutes = None
    frozen_epochs: Annotated[int, Option(min=1, help="Epochs with the encoder frozen.")] = 1
    epochs: Annotated[int, Option(min=1, help="Epochs in which all layers train.")] = 6
    frozen_share: float = 0.05
    frozen_learning_rate: float = 3e-3
    learning_rate: LearningRate = 2e-3
    lower_divisor: Annotated[
        float, Option(min=1, help="Divides the learning rate for the lower half of the encoder.")
    ] = 30.0
    batch_size: Annotated[int, Option(min=1, help="Papers in a step.")] = 32
    short_length: Annotated[
        int, Option(min=8, help="Tokens that the encoder reads in the first three quarters of each stage.")
    ] = 128
    max_length: MaxLength = ENCODER_TOKENS
    long_share: float = 0.25
    mask_rate: Annotated[
        float, Option(min=0, max=1, help="Probability that a task's mentions are cut from a training text.")
    ] = 0.7
    train_embeddings: Annotated[
        bool, Option("--train-embeddings", help="Train the token embeddings too; on a GPU it costs little.")
    ] = False
    dropout: Annotated[
        float, Option(min=0, max=0.9, help="Dropout in the encoder's layers; it pays over many epochs.")
    ] = 0.0
    weight_decay: float = 0.01
    warmup_share: Annotated[
        float, Option(min=0.001, max=0.9, help="Share of each cycle in which the learning rate rises.")
    ] = 0.25
    dev_papers: int = 1000
    checkpoint_minutes: float = 3.0
    seed: Annotated[
        int, Option(min=0, max=MOST_SEED, help="Seed of the weights, the order of papers and the masking.")
    ] = 22
