import hashlib
import json
import shutil

import numpy as np
import onnx
import pandas as pd
import pytest
import torch
from onnx import numpy_helper

from paper_tasks.data.prepared_folder import multi_hot, read_labels, read_split
from paper_tasks.errors import InputError
from paper_tasks.export.calibration import named
from paper_tasks.export.export import COPIED, export
from paper_tasks.export.onnx import FAST_INT8, FP32, INT8
from paper_tasks.modeling.backbones import read_tokenizer
from paper_tasks.modeling.model import PaperTaskModel, count_names
from paper_tasks.modeling.name_matcher import TEXT_TOKENS
from paper_tasks.paths import MODEL_DIR
from paper_tasks.tagger.classifier import FAST, TaskClassifier
from paper_tasks.tagger.model_folder import open_tokenizer
from paper_tasks.tagger.text import TEXT_FORMAT, format_paper

MAX_LENGTH = 64
LONG = ("Grainy pictures restored", "without clean targets we measure it on two data sets " * 40)


def papers_of(prepared, split):
    papers = read_split(prepared, split)
    return papers, list(zip(papers["title"], papers["abstract"], strict=True))


def cosine(one, other):
    return float((one * other).sum() / np.linalg.norm(one) / np.linalg.norm(other))


@pytest.fixture
def copied(trained, tmp_path_factory):
    """A copy of the trained model's folder, for an export writes into it too."""
    return shutil.copytree(trained[0], tmp_path_factory.mktemp("copied"), dirs_exist_ok=True)


def test_the_folder_is_complete_and_loads(exported, prepared):
    model_dir, folder, scores = exported
    labels = read_labels(prepared)
    for exported_dir, onnx_file in ((folder, INT8), (folder / FAST, FAST_INT8), (model_dir / "onnx", FP32)):
        assert {path.name for path in exported_dir.iterdir() if path.is_file()} == {onnx_file, "config.json", *COPIED}
        config = json.loads((exported_dir / "config.json").read_text(encoding="utf-8"))
        assert config["files"] == {
            name: hashlib.sha256((exported_dir / name).read_bytes()).hexdigest() for name in (onnx_file, *COPIED)
        }
        assert config["labels"] == labels and len(config["thresholds"]) == len(labels)
        assert config["text_format"] == TEXT_FORMAT
        assert (config["max_length"], config["encoder_tokens"]) == (TEXT_TOKENS, MAX_LENGTH)
        assert set(config["task_info"]) == set(labels)
        assert config["training"]["data"]["papers_train"] == len(read_split(prepared, "train"))
        assert {name: config["scores"][name] for name in scores} == scores and len(scores) == 3
        assert config["scores"]["papers"] == len(read_split(prepared, "dev")) // 2
        assert TaskClassifier.load(exported_dir).labels == tuple(labels)


def test_it_reads_as_many_tokens_as_in_training_and_removes_the_card_of_before(copied, prepared, tmp_path):
    shutil.copy(MODEL_DIR / "README.md", tmp_path)
    export(copied, prepared, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert config["encoder_tokens"] == config["training"]["max_length"] == MAX_LENGTH
    assert not (tmp_path / "README.md").exists()


def test_an_export_that_breaks_off_leaves_the_model_of_before(exported, copied, prepared, monkeypatch):
    _, folder, _ = exported
    before = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}

    def breaks(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("paper_tasks.export.calibration.DistantPapers.scores", breaks)
    with pytest.raises(KeyboardInterrupt):
        export(copied, prepared, folder, MAX_LENGTH // 2)
    assert {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()} == before


def test_papers_that_a_model_may_have_seen_do_not_calibrate_it(exported, prepared, tmp_path):
    shutil.copytree(prepared, tmp_path / "prepared")
    (tmp_path / "prepared/held_out.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="other papers held out"):
        export(exported[0], tmp_path / "prepared", tmp_path / "out", MAX_LENGTH)
    assert not (tmp_path / "out").exists()


def test_only_the_weights_of_the_words_are_int8(exported):
    model_dir, folder, _ = exported
    words = PaperTaskModel.load(model_dir).words
    for path in (folder / INT8, folder / FAST / FAST_INT8):
        found = {tensor.name.removeprefix("model.words."): tensor for tensor in onnx.load(path).graph.initializer}
        assert "weights.weight_quantized" in found and "weights.weight" not in found
        np.testing.assert_allclose(numpy_helper.to_array(found["idf"]), words.idf)


def test_the_exported_model_has_learned(exported, prepared):
    _, folder, scores = exported
    assert scores["int8"]["micro_f1"] > 0.8
    assert scores["int8"]["micro_f1"] == pytest.approx(scores["fp32"]["micro_f1"], abs=0.03)
    ((best, *_), *_), *_ = TaskClassifier.load(folder).predict(
        [("Study of pictures", "On image denoising: grainy pictures restored without clean targets.")]
    )
    assert best in ("Denoising", "Image Denoising")


def test_the_fast_tier_has_learned_and_needs_no_encoder(exported, prepared):
    _, folder, scores = exported
    assert scores["fast"]["micro_f1"] > 0.8
    full, fast = TaskClassifier.load(folder), TaskClassifier.load(folder, tier=FAST)
    assert fast.labels == full.labels and fast.names == full.names
    assert (folder / FAST / FAST_INT8).stat().st_size < (folder / INT8).stat().st_size
    ((best, *_), *_), *_ = fast.predict([("Study of pictures", "On image denoising: grainy pictures restored.")])
    assert best in ("Denoising", "Image Denoising")
    # It reads names and words alone, so the order of sentences hardly matters.
    sentences = ["Recordings of speakers.", "Transcribed into words.", "With accents."]
    one, other = fast.logits([("A study", " ".join(sentences)), ("A study", " ".join(reversed(sentences)))])
    assert cosine(one, other) > 0.99
    with pytest.raises(ValueError, match="tier is 'slow'"):
        TaskClassifier.load(folder, tier="slow")


def test_int8_is_close_to_fp32_on_papers(exported, prepared):
    model_dir, folder, _ = exported
    _, pairs = papers_of(prepared, "test")
    fp32, int8 = (TaskClassifier.load(path).logits(pairs) for path in (model_dir / "onnx", folder))
    assert cosine(fp32, int8) > 0.99


def names_nothing(model_dir, pairs):
    """(papers,): whether the text has no name that the model knows."""
    papers = pd.DataFrame(pairs, columns=["title", "abstract"])
    return ~named(PaperTaskModel.load(model_dir), papers, model_dir).counts.any(dim=1).numpy()


def test_serving_equals_training_except_for_the_calibration(exported, prepared):
    model_dir, _, _ = exported
    _, pairs = papers_of(prepared, "test")
    pairs = [*pairs[:12], LONG, ("", "no title"), ("no abstract", "")]
    model, tokenizer = PaperTaskModel.load(model_dir), read_tokenizer(model_dir)
    texts = [format_paper(*pair, TEXT_FORMAT) for pair in pairs]
    tokens = tokenizer(texts, padding=True, truncation=True, max_length=TEXT_TOKENS, return_tensors="pt")
    model.encoder_tokens = MAX_LENGTH
    words, model.words = model.words, None
    with torch.no_grad():
        ids = tokens["input_ids"]
        trained = [
            model(ids, tokens["attention_mask"]).logits,
            model.head.from_names(count_names(model.name_counts, ids, model.title_end)),
            words(ids),
        ]
    served = TaskClassifier.load(model_dir / "onnx").logits(pairs)
    # 1 for texts that name no label, to whose logits `unnamed` is added.
    trained.append(torch.tensor(names_nothing(model_dir, pairs), dtype=torch.float32)[:, None].expand(served.shape))
    inputs = np.stack([*(logits.numpy().ravel() for logits in trained), np.ones(served.size)], axis=1)
    weights = np.linalg.lstsq(inputs, served.ravel())[0]
    np.testing.assert_allclose(inputs @ weights, served.ravel(), atol=1e-3)


def test_serving_reads_the_beginning_and_names_far_beyond_it(exported):
    _, folder, _ = exported
    classifier = TaskClassifier.load(folder)
    tokenizer = open_tokenizer(folder, classifier.config)
    endless = (LONG[0], LONG[1] * 2)
    assert MAX_LENGTH < len(tokenizer.encode(format_paper(*LONG))) < TEXT_TOKENS - 64
    encoding = tokenizer.encode(format_paper(*endless))
    assert len(encoding.ids) == TEXT_TOKENS
    assert (encoding.tokens[0], encoding.tokens[-1]) == ("<s>", "</s>")
    tokens, _ = json.loads((folder / "names.json").read_text(encoding="utf-8"))[0]
    name = tokenizer.decode(tokens).strip()
    for (title, abstract), heard in ((LONG, True), (endless, False)):
        before, after = classifier.logits([(title, abstract), (title, f"{abstract} {name}")])
        assert np.array_equal(before, after) != heard


def test_probabilities_are_calibrated_on_dev(exported, prepared):
    model_dir, _, _ = exported
    papers, pairs = papers_of(prepared, "dev")
    half = len(papers) // 2
    # One text in three names none of its tasks.
    pairs = pairs[:half] + [("", text) for text in papers["masked"][: half // 2]]
    truth = multi_hot(papers["tasks"], read_labels(prepared))
    truth = np.concatenate([truth[:half], truth[: half // 2]])
    probabilities = TaskClassifier.load(model_dir / "onnx").probabilities(pairs)
    names_none = names_nothing(model_dir, pairs)
    assert names_none[half:].sum() > 10
    # After a logistic fit with an intercept, probabilities sum to the labels: here, of texts that name nothing.
    fitted = np.arange(len(pairs)) >= half
    assert probabilities[fitted & names_none].mean() == pytest.approx(truth[fitted & names_none].mean(), abs=2e-3)
    assert probabilities[:half].mean() == pytest.approx(truth[:half].mean(), rel=0.15)


def test_a_folder_without_a_model_gets_one_sentence(prepared, tmp_path):
    with pytest.raises(InputError, match="is no trained model"):
        export(tmp_path, prepared, tmp_path / "out", MAX_LENGTH)
    assert not (tmp_path / "out").exists()


def test_splits_of_other_tasks_get_one_sentence(trained, prepared, tmp_path):
    other = tmp_path / "prepared"
    other.mkdir()
    for path in prepared.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    (other / "labels.json").write_text(json.dumps(read_labels(prepared)[1:]), encoding="utf-8")
    with pytest.raises(InputError, match="other tasks"):
        export(trained[0], other, tmp_path / "out", MAX_LENGTH)
    assert not (tmp_path / "out").exists()


def test_more_tokens_than_positions_get_one_sentence(trained, prepared, tmp_path):
    with pytest.raises(InputError, match="128 tokens"):
        export(trained[0], prepared, tmp_path / "out", 129)
    assert not (tmp_path / "out").exists()


def test_labels_of_a_table_are_recorded_as_such(copied, prepared, tmp_path):
    other = tmp_path / "prepared"
    other.mkdir()
    for path in prepared.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    report = json.loads((prepared / "report.json").read_text(encoding="utf-8"))
    report["labels"] = "the column 'tasks'"
    (other / "report.json").write_text(json.dumps(report), encoding="utf-8")
    export(copied, other, tmp_path / "out", MAX_LENGTH)
    config = TaskClassifier.load(tmp_path / "out").config
    assert config.scores.labels == "the column 'tasks'"
