"""A model's config for tests that need no model."""

from collections.abc import Sequence
from typing import Any

from paper_tasks.tagger.config import ModelConfig


def model_config(labels: Sequence[str], **changes: Any) -> ModelConfig:
    """The config of a model with these labels, as if it had been exported; changes: keys of `config.json`."""
    data = {"source": "papers.csv", "labels": "the column 'tasks'", "tasks_per_paper": 1.0}
    data |= {"papers_train": 8, "papers_dev": 1, "papers_test": 1}
    record = {
        "backbone": "tiny",
        "max_length": 1024,
        "encoder_tokens": 192,
        "text_format": "{title}. {abstract}",
        "labels": labels,
        "task_info": {label: {"area": "other", "canonical": label, "is_task": True} for label in labels},
        "training": {"backbone": "tiny", "max_length": 192, "text_format": "{title}. {abstract}", "data": data},
        "scores": {},
        "default_threshold": 0.5,
        "thresholds": [0.5] * len(labels),
        "files": {"model.onnx": "", "tokenizer.json": ""},
    }
    return ModelConfig.from_json(record | changes)
