"""One model from several that started alike: the average of their weights.

It errs about as little as all of them together, at the cost of one (Wortsman et al., "Model soups", 2022).
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from paper_tasks.errors import InputError
from paper_tasks.modeling.backbones import read_tokenizer
from paper_tasks.modeling.model import PaperTaskModel, read_training
from paper_tasks.tagger.config import TrainingRecord
from paper_tasks.training.time_budget import check_free

# What the records of the models must have in common, or their average is of no use.
SAME = ("backbone", "pretraining", "max_length", "text_format", "held_out")
# What is added up over the models.
SUMS = ("runs", "papers_seen", "minutes")


def average(folders: Sequence[Path], output_dir: Path, overwrite: bool = False) -> TrainingRecord:
    """Averages models that `train` wrote, and writes the result to `output_dir` as `train` does.

    Encoder and head are averages; the words are those of the first model. Returns what it wrote to `training.json`.

    Raises InputError for fewer than two models, models that differ in more than their weights, or a folder that holds
    a model already.
    """
    if len(folders) < 2:
        raise InputError("An average takes two models or more.")
    check_free(output_dir, overwrite)
    models = [PaperTaskModel.load(folder) for folder in folders]
    records = [read_training(folder) for folder in folders]
    first = models[0]
    for folder, model, record in zip(folders, models, records, strict=True):
        if [getattr(record, name) for name in SAME] != [getattr(records[0], name) for name in SAME]:
            raise InputError(f"{folder} did not start as {folders[0]} did; an average of the two would be of no use.")
        if (model.labels, model.names) != (first.labels, first.names):
            raise InputError(f"{folder} was trained on other papers than {folders[0]}; train both on the same papers.")
    for parts in zip(*((model.encoder, model.head) for model in models), strict=True):
        _average_weights(parts)
    training = average_record(records)
    first.save(output_dir, read_tokenizer(folders[0]), training)
    return training


def average_record(records: Sequence[TrainingRecord]) -> TrainingRecord:
    """The record of an average: what all records have in common, the `SUMS`, and the records themselves."""
    values = [record.to_json() for record in records]
    common = {
        name: value
        for name, value in values[0].items()
        if name not in SUMS and all(other.get(name, ...) == value for other in values)
    }
    sums = {name: round(sum(getattr(record, name) for record in records), 1) for name in SUMS}
    return replace(TrainingRecord.from_json(common | sums), averaged=tuple(records))


def _average_weights(modules: Sequence[torch.nn.Module]) -> None:
    """Gives the first of some equal modules the average of their weights."""
    weights = [module.state_dict() for module in modules]
    for name, weight in weights[0].items():
        if weight.is_floating_point():
            weight.copy_(torch.stack([other[name] for other in weights]).mean(dim=0))
