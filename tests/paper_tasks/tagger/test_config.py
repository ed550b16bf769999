import json
from dataclasses import FrozenInstanceError, replace

import pytest

from paper_tasks.paths import MODEL_DIR
from paper_tasks.tagger.config import DevScores, ExportScores, ModelConfig, PretrainingRecord, TrainingRecord
from tests.model_config import model_config

RECORD = {
    "backbone": "minilm",
    "max_length": 192,
    "text_format": "{title}. {abstract}",
    "mask_rate": 0.7,
    "seed": 22,
    "runs": 1,
    "papers_seen": 1000,
    "minutes": 5,
}


@pytest.mark.parametrize("tier", ["", "fast"])
def test_what_was_read_is_written_again(tier):
    record = json.loads((MODEL_DIR / tier / "config.json").read_text(encoding="utf-8"))
    config = ModelConfig.from_json(record)
    assert config.to_json() == record
    with pytest.raises(FrozenInstanceError):
        config.backbone = "another"


def test_what_code_reads_has_a_field_and_other_options_are_kept():
    record = TrainingRecord.from_json(RECORD)
    assert (record.mask_rate, record.minutes, record.options) == (0.7, 5, {"seed": 22})
    assert record.to_json() == RECORD


def test_models_behind_an_average_are_read_as_a_whole():
    taught = {"seed": 2, "teacher": {"backbone": "mpnet", "papers_seen": 9, "share": 0.5}}
    record = {name: value for name, value in RECORD.items() if name != "seed"}
    record |= {"runs": 2, "averaged": [{"seed": 1, "runs": 1}, taught | {"runs": 1}]}
    average = TrainingRecord.from_json(record)
    assert [(one.backbone, one.options["seed"], one.runs) for one in average.averaged] == [
        ("minilm", 1, 1),
        ("minilm", 2, 1),
    ]
    assert average.averaged[0].teacher is None and average.averaged[1].teacher.share == 0.5
    assert average.to_json() == record


def test_an_average_of_averages_is_written_as_it_was_read():
    one, other = (TrainingRecord.from_json(RECORD | {"seed": seed}) for seed in (1, 2))
    inner = replace(one, options={}, averaged=(one, other), runs=2)
    outer = replace(one, options={}, averaged=(inner, other), runs=3)
    assert TrainingRecord.from_json(json.loads(json.dumps(outer.to_json()))) == outer


def test_a_training_has_what_came_before_it():
    pretraining = {"backbone": "minilm", "texts": 5, "different_phrases": 7, "papers_seen": 80, "minutes": 0.5}
    pretraining |= {"device": "2 CPU cores", "phrases": 6}
    dev = {"papers": 40, "micro_f1": 0.9, "macro_f1": 0.8, "threshold": 0.5}
    record = TrainingRecord.from_json(RECORD | {"pretraining": pretraining, "dev": dev, "held_out": "ab"})
    assert record.pretraining == PretrainingRecord("minilm", 5, 7, 80, 0.5, "2 CPU cores", {"phrases": 6})
    assert record.dev == DevScores(40, 0.9, 0.8, 0.5)
    assert record.to_json() == RECORD | {"pretraining": pretraining, "dev": dev, "held_out": "ab"}


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"minutes": "long"}, "minutes is str"),
        ({"held_out": 1}, "held_out is int"),
        ({"averaged": [{"runs": "two"}]}, "runs is str"),
        ({"dev": {"papers": 1.5, "micro_f1": 1, "macro_f1": 1, "threshold": 1}}, "papers is float"),
    ],
)
def test_a_value_of_another_type_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        TrainingRecord.from_json(RECORD | changes)


def test_scores_are_empty_until_a_model_is_scored():
    config = model_config(["Image Captioning"])
    assert config.scores == ExportScores() and config.to_json()["scores"] == {}
    scores = {"fp32": {"micro_f1": 0.9}, "int8": {"micro_f1": 0.8}, "split": "dev", "papers": 3, "labels": "distant"}
    config = model_config(["Image Captioning"], scores=scores)
    assert config.scores.tiers["int8"] == {"micro_f1": 0.8} and config.to_json()["scores"] == scores
