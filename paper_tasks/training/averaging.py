"""One model from several that started alike: the average of their weights.

It errs about as little as all of them together would, at the cost of one (Wortsman et al., "Model soups", 2022).
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from transformers import AutoTokenizer

from paper_tasks.errors import InputError
from paper_tasks.modeling.model import PaperTaskModel, read_training
from paper_tasks.tagger.config import TrainingRecord
from paper_tasks.training.time_budget import check_free

# What models must share, lest their average be worthless; and what adds up.
SAME = ("backbone", "pretraining", "max_length", "text_format", "held_out")
SUMS = ("runs", "papers_seen", "minutes")


def average(folders: Sequence[Path], output_dir: Path, overwrite: bool = False) -> TrainingRecord:
    """Writes to `output_dir` a model as `train` does: encoder and head are averages, the words are the first model's.

    Returns what it wrote to `training.json`: what the records of all models have in common, sums, and under `averaged`
    what each has of its own. Raises InputError for fewer than two models, models that differ in more than their
    weights, or a folder that holds one already.
    """
    if len(folders) < 2:
        raise InputError("An average takes two models or more.")
    check_free(output_dir, overwrite)
    models = [PaperTaskModel.load(folder) for folder in folders]
    records = [read_training(folder) for folder in folders]
    first = models[0]
    for folder, model, record in zip(folders, models, records, strict=True):
        if [getattr(record, name) for name in SAME] != [getattr(records[0], name) for name in SAME]:
            raise InputError(f"{folder} did not start as {folders[0]} did; an average of the two would be worthless.")
        if (model.labels, model.names) != (first.labels, first.names):
            raise InputError(f"{folder} was trained on other papers than {folders[0]} was; train both on the same.")
    own = [{"encoder": model.encoder.state_dict(), "head": model.head.state_dict()} for model in models]
    for part, weights in own[0].items():
        for name, weight in weights.items():
            if weight.is_floating_point():
                weight.copy_(torch.stack([other[part][name] for other in own]).mean(dim=0))

    training = average_record(records)
    first.save(output_dir, AutoTokenizer.from_pretrained(folders[0]), training)
    return training


def average_record(records: Sequence[TrainingRecord]) -> TrainingRecord:
    """The record of an average: what the models' records have in common, and sums of what adds up."""
    values = [record.to_json() for record in records]
    common = {
        name: value
        for name, value in values[0].items()
        if name not in SUMS and all(other.get(name, ...) == value for other in values)
    }
    sums = {name: round(sum(getattr(record, name) for record in records), 1) for name in SUMS}
    return replace(TrainingRecord.from_json(common | sums), averaged=tuple(records))
