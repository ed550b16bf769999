import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from paper_tasks.errors import InputError
from paper_tasks.modeling.backbones import check_length, load_backbone
from paper_tasks.modeling.model import PaperTaskModel, read_training
from paper_tasks.tagger.config import TrainingRecord
from paper_tasks.tagger.text import TEXT_FORMAT
from tests.paper_tasks import tiny

LABELS = ["Image Captioning", "Speech Recognition", "Machine Translation", "Graph Clustering"]


@pytest.fixture
def tiny_model(backbone):
    encoder, tokenizer = load_backbone(backbone)
    return PaperTaskModel(encoder, LABELS).eval(), tokenizer


def batch(tokenizer, *texts):
    tokens = tokenizer(list(texts), padding=True, return_tensors="pt")
    return {name: tokens[name] for name in ("input_ids", "attention_mask")}


def test_padding_changes_no_logit(tiny_model):
    model, tokenizer = tiny_model
    long = "agents that press buttons for rewards " * 5
    with torch.no_grad():
        alone = model(**batch(tokenizer, "old consoles")).logits[0]
        together = model(**batch(tokenizer, "old consoles", long)).logits[0]
    torch.testing.assert_close(alone, together, atol=1e-5, rtol=1e-5)


def test_a_name_beyond_the_encoders_tokens_counts(tiny_model):
    _, tokenizer = tiny_model
    encoder = tiny_model[0].encoder
    text = "agents that press buttons for rewards on old consoles with photographs"
    name = tuple(tokenizer(" photographs", add_special_tokens=False)["input_ids"])
    model = PaperTaskModel(encoder, LABELS, [(name, (0,))]).eval()
    model.encoder_tokens = 5
    inputs = batch(tokenizer, text)
    with torch.no_grad():
        before = model(**inputs).logits
        model.head.named[:2] = 3.0
        after = model(**inputs).logits
    torch.testing.assert_close(after - before, torch.tensor([[3.0, 0, 0, 0]]))


def test_a_text_that_names_nothing_has_logits_of_its_own(tiny_model):
    _, tokenizer = tiny_model
    name = tuple(tokenizer(" photographs", add_special_tokens=False)["input_ids"])
    model = PaperTaskModel(tiny_model[0].encoder, LABELS, [(name, (0,))]).eval()
    inputs = batch(tokenizer, "old consoles", "old photographs")
    with torch.no_grad():
        before = model(**inputs).logits
        model.head.unnamed.fill_(2.0)
        after = model(**inputs).logits
        model.rescale(0.5, 0.0)
        halved = model(**inputs).logits
    torch.testing.assert_close(after - before, torch.tensor([[2.0] * 4, [0.0] * 4]))
    torch.testing.assert_close(halved, after / 2)


def test_the_encoder_reads_the_first_tokens(tiny_model):
    model, tokenizer = tiny_model
    inputs = batch(tokenizer, "agents that press buttons for rewards on old consoles")
    short = {name: tensor[:, :5] for name, tensor in inputs.items()}
    with torch.no_grad():
        model.encoder_tokens = 5
        torch.testing.assert_close(model(**inputs).logits, model(**short).logits)


def test_rescale_is_linear_in_the_logits(tiny_model):
    model, tokenizer = tiny_model
    inputs = batch(tokenizer, "old consoles", "grainy pictures")
    with torch.no_grad():
        before = model(**inputs).logits
        model.rescale(2.0, 1.0)
        model.rescale(0.5, -1.0)
        after = model(**inputs).logits
    torch.testing.assert_close(after, before - 0.5)


def test_what_is_saved_is_loaded(tiny_model, tmp_path):
    model, tokenizer = tiny_model
    record = TrainingRecord("tiny", max_length=64, text_format=TEXT_FORMAT)
    model.save(tmp_path, tokenizer, record)
    assert read_training(tmp_path) == record
    inputs = batch(tokenizer, "old consoles")
    with torch.no_grad():
        torch.testing.assert_close(PaperTaskModel.load(tmp_path)(**inputs).logits, model(**inputs).logits)
    assert {path.suffix for path in tmp_path.iterdir()} <= {".json", ".safetensors", ".txt", ".jinja"}
    assert load_file(tmp_path / "model.safetensors").keys() == model.state_dict().keys()


@pytest.mark.parametrize("content", ["{", "[]", '{"labels": []}', '{"labels": [], "backbone": 3}'])
def test_a_record_that_cannot_be_read_gets_one_sentence(tmp_path, content):
    (tmp_path / "training.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"training\.json cannot be read .* train the model again"):
        read_training(tmp_path)


def test_a_folder_without_a_model_gets_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"model\.safetensors is missing"):
        PaperTaskModel.load(tmp_path)


def test_minilm_comes_with_the_installation_and_knows_names(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    encoder, tokenizer = load_backbone("minilm")
    model = PaperTaskModel(encoder, LABELS)
    texts = [
        "We describe photographs in words.",
        "Voices become text.",
        "From French into English.",
        "Groups of vertices.",
    ]
    model.start_from_names(tokenizer, texts, torch.full((len(LABELS),), 0.1), torch.full((len(LABELS),), 0.9))
    model.eval()
    with torch.no_grad():
        logits = model(**batch(tokenizer, *texts)).logits
    assert logits.argmax(dim=1).tolist() == [0, 1, 2, 3]
    assert logits.mean().item() == pytest.approx(np.log(0.1 / 0.9), abs=0.5)


@pytest.mark.parametrize("kind", tiny.ENCODERS)
def test_positions_that_are_not_read_can_be_removed(kind):
    model = tiny.random_model(kind)
    model.encoder_tokens = 20
    ids = torch.randint(5, 400, (2, 50), generator=torch.Generator().manual_seed(0))
    expected = model(ids, torch.ones_like(ids)).logits
    model.cut_positions()
    assert len(model.encoder.embeddings.position_embeddings.weight) in (20, 22)
    torch.testing.assert_close(model(ids, torch.ones_like(ids)).logits, expected, rtol=0, atol=0)
    with pytest.raises(InputError, match="20 tokens at most"):
        check_length(model.encoder, 21)
