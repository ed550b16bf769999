import shutil
import socket

import pytest
import torch
from huggingface_hub import constants, model_info
from transformers import BertConfig, DistilBertConfig

from paper_tasks.errors import InputError
from paper_tasks.modeling.backbones import (
    HubUnreachable,
    backbone_at_hand,
    dropout_options,
    find_backbone,
    load_backbone,
    read_tokenizer,
)
from paper_tasks.modeling.model import PaperTaskModel
from paper_tasks.tagger.config import TrainingRecord
from paper_tasks.tagger.text import TEXT_FORMAT


@pytest.fixture(autouse=True)
def no_retry(monkeypatch):
    """The hub's client sleeps before it tries again; nothing here may wait for it."""

    def sleep(seconds):
        raise AssertionError(f"slept for {seconds} s")

    monkeypatch.setattr("time.sleep", sleep)


@pytest.fixture
def no_hub(monkeypatch):
    """Nothing listens where the hub's client asks."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setattr(model_info.__self__, "endpoint", f"http://127.0.0.1:{port}")


@pytest.fixture
def hub(monkeypatch, httpserver):
    """A server in place of the hub; it has the model some/encoder and no other."""
    monkeypatch.setattr(model_info.__self__, "endpoint", httpserver.url_for("").rstrip("/"))
    httpserver.expect_request("/api/models/some/encoder").respond_with_json({"id": "some/encoder"})
    missing = {"status": 404, "headers": {"X-Error-Code": "RepoNotFound"}}
    httpserver.expect_request("/api/models/no/such-backbone").respond_with_json({}, **missing)
    return httpserver


@pytest.mark.usefixtures("no_hub")
def test_without_a_hub_an_unknown_backbone_fails_at_once():
    with pytest.raises(
        HubUnreachable, match=r"^No backbone 'no/such-backbone': .* cannot be reached .*minilm"
    ) as raised:
        load_backbone("no/such-backbone")
    assert "\n" not in str(raised.value)


@pytest.mark.usefixtures("no_hub")
def test_without_a_hub_its_cache_is_read(monkeypatch, backbone, tmp_path):
    cached = tmp_path / "models--some--encoder"
    shutil.copytree(backbone, cached / "snapshots" / "a1b2")
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("a1b2")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.file_download.HF_HUB_CACHE", str(tmp_path), raising=False)
    encoder, tokenizer = load_backbone("some/encoder")
    assert encoder.config.hidden_size == 32 and len(tokenizer) > 200
    assert backbone_at_hand("some/encoder") == "some/encoder"


@pytest.mark.usefixtures("hub")
def test_a_backbone_that_the_hub_does_not_have_gets_one_sentence():
    with pytest.raises(InputError, match=r"^No backbone 'no/such-backbone': .* has no model of that name.*minilm"):
        load_backbone("no/such-backbone")


@pytest.mark.usefixtures("hub")
def test_a_backbone_on_the_hub_is_found():
    assert find_backbone("some/encoder") == ("some/encoder", False)


@pytest.mark.parametrize("name", [".", "no/such/folder"])
def test_what_is_neither_an_encoder_nor_a_name_gets_one_sentence(name):
    with pytest.raises(InputError, match="minilm") as raised:
        load_backbone(name)
    assert "\n" not in str(raised.value)


def test_half_a_backbone_gets_one_sentence(backbone, tmp_path):
    encoder, tokenizer = load_backbone(backbone)
    record = TrainingRecord("tiny", max_length=64, text_format=TEXT_FORMAT)
    PaperTaskModel(encoder, ["Image Captioning"]).save(tmp_path / "trained", tokenizer, record)
    with pytest.raises(InputError, match=r"missing, such as .*--start-from"):
        load_backbone(tmp_path / "trained")
    for name in ("config.json", "model.safetensors"):
        shutil.copy(backbone / name, tmp_path)
    with pytest.raises(InputError, match="tokenizer"):
        load_backbone(tmp_path)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (BertConfig(), {"hidden_dropout_prob": 0.3, "attention_probs_dropout_prob": 0.0}),
        (DistilBertConfig(), {"dropout": 0.3, "attention_dropout": 0.0}),
    ],
    ids=["BERT", "DistilBERT"],
)
def test_dropout_has_the_encoders_own_names(config, expected):
    assert dropout_options(config, 0.3) == expected


def test_dropout_reaches_the_encoder(backbone):
    encoder, _ = load_backbone(backbone, 0.3)
    rates = {module.p for module in encoder.modules() if isinstance(module, torch.nn.Dropout)}
    assert rates == {0.0, 0.3}


@pytest.mark.usefixtures("no_hub")
def test_minilm_takes_the_place_of_a_backbone_out_of_reach(capsys):
    assert backbone_at_hand("some/encoder") == "minilm"
    line = capsys.readouterr().out
    assert "some/encoder" in line and "cannot be reached" in line and "minilm takes its place" in line


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("name", ["some/encoder", "no/such-backbone"])
def test_a_hub_that_answers_decides_itself(name):
    assert backbone_at_hand(name) == name


def test_a_name_that_the_hub_cannot_have_is_returned():
    assert backbone_at_hand("no/such/folder") == "no/such/folder"


def test_a_backbone_on_disk_needs_no_hub(monkeypatch, backbone):
    monkeypatch.setattr("paper_tasks.modeling.backbones.model_info", None)
    assert [backbone_at_hand(name) for name in ("minilm", str(backbone))] == ["minilm", str(backbone)]


@pytest.mark.parametrize("name", ["minilm", "tiny"])
def test_a_hyphen_between_letters_is_a_blank_to_the_tokenizer(name, backbone):
    tokenizer = read_tokenizer(find_backbone("minilm")[0] if name == "minilm" else backbone)
    ids = tokenizer(["self-supervised", "self supervised", "3-d", "3 d", "x - y", "x y"])["input_ids"]
    assert ids[0] == ids[1] and ids[2] == ids[3] and ids[4] != ids[5]


def test_a_tokenizer_that_was_saved_is_read_as_it_was(backbone, tmp_path):
    tokenizer = read_tokenizer(backbone)
    tokenizer.save_pretrained(tmp_path)
    texts = ["self-supervised 3-d x - y", "state-of-the-art"]
    assert read_tokenizer(tmp_path)(texts)["input_ids"] == tokenizer(texts)["input_ids"]


def test_tokens_keep_their_places_in_the_text():
    tokenizer = read_tokenizer(find_backbone("minilm")[0])
    encoding = tokenizer.backend_tokenizer.encode("self-supervised")
    assert max(end for _, end in encoding.offsets) == len("self-supervised")
