import hashlib
import json
import shutil

import pytest

from paper_tasks.errors import ModelError
from paper_tasks.paths import MODEL_DIR
from paper_tasks.tagger.classifier import TaskClassifier

ONNX = "paper_task_classifier_quantized.onnx"


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(MODEL_DIR, tmp_path / "model")


def edit(folder, **changes):
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(config | changes), encoding="utf-8")


def assert_refused(folder, *words):
    with pytest.raises(ModelError) as caught:
        TaskClassifier.load(folder)
    sentence = str(caught.value)
    assert "\n" not in sentence and str(folder) in sentence and "export the model again" in sentence
    for word in words:
        assert word in sentence


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", ONNX])
def test_a_missing_file(folder, name):
    (folder / name).unlink()
    assert_refused(folder, name)


@pytest.mark.parametrize("name", ["tokenizer.json", ONNX])
def test_a_file_cut_short(folder, name):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])
    assert_refused(folder, name, "cut short")


def test_a_file_with_one_other_bit(folder):
    content = bytearray((folder / ONNX).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / ONNX).write_bytes(content)
    assert_refused(folder, ONNX)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format_version": 1}', '{"format_version": 99}'])
def test_a_config_that_is_none(folder, content):
    (folder / "config.json").write_text(content, encoding="utf-8")
    assert_refused(folder, "config.json")


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": []},
        {"labels": ["a", "a"]},
        {"thresholds": [0.5]},
        {"default_threshold": 2},
        {"max_length": "long"},
        {"encoder_tokens": None},
        {"backbone": None},
        {"training": []},
        {"scores": None},
        {"text_format": "{title} {venue}"},
        {"task_info": {}},
        {"files": {"../x.onnx": "", "tokenizer.json": ""}},
    ],
)
def test_a_config_that_contradicts_itself(folder, changes):
    edit(folder, **changes)
    assert_refused(folder, "config.json")


def test_a_config_with_another_number_of_labels(folder):
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    edit(folder, labels=config["labels"][1:], thresholds=config["thresholds"][1:])
    assert_refused(folder, ONNX, f"one logit for each of {len(config['labels']) - 1} labels")


@pytest.mark.parametrize("name", ["encoder_tokens", "backbone", "training", "scores"])
def test_a_config_that_lacks_something(folder, name):
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    del config[name]
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert_refused(folder, f"config.json has no '{name}'")


@pytest.mark.parametrize("content", ["{", "[[1]]", '[["a", [2]]]', "7"])
def test_names_that_are_none(folder, content):
    (folder / "names.json").write_text(content, encoding="utf-8")
    files = json.loads((folder / "config.json").read_text(encoding="utf-8"))["files"]
    edit(folder, files=files | {"names.json": hashlib.sha256(content.encode()).hexdigest()})
    assert_refused(folder, "names.json")


def test_a_model_without_names(folder):
    files = json.loads((folder / "config.json").read_text(encoding="utf-8"))["files"]
    files.pop("names.json", None)
    edit(folder, files=files)
    assert TaskClassifier.load(folder).names == {}


def test_no_folder_at_all(tmp_path):
    assert_refused(tmp_path / "absent")
