import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from transformers import AutoTokenizer

from paper_tasks.data import vocabulary
from paper_tasks.data.distant_labels import Labeller
from paper_tasks.modeling import name_matcher as module
from paper_tasks.modeling.backbones import minilm_folder
from paper_tasks.modeling.name_matcher import NameCounts, RunTable, collect_names, runs

NAMES = [((5,), (0, 2)), ((6, 7), (1,)), ((7,), (1,)), ((1, 2, 3, 4), (0, 2))]


@pytest.fixture
def tokenizer():
    return AutoTokenizer.from_pretrained(minilm_folder())


def test_each_label_is_counted_where_it_is_named():
    counts = NameCounts(NAMES, 4)(torch.tensor([[5, 6, 7, 5, 0], [1, 2, 3, 4, 5], [9, 9, 6, 9, 7]]))
    assert counts.tolist() == [[2, 2, 2, 0], [2, 0, 2, 0], [0, 1, 0, 0]]


def test_runs_of_every_length_are_counted():
    draw = np.random.default_rng(0)
    known = {tuple(draw.integers(0, 4, size)): int(draw.integers(0, 9)) for size in draw.integers(1, 13, 400)}
    ids = draw.integers(0, 4, (5, 40))
    expected = np.zeros((5, 1 + max(known.values())))
    for row, line in enumerate(ids.tolist()):
        for run in runs(line):
            if run in known:
                expected[row, known[run]] += 1
    assert expected.any() and RunTable(known).count(torch.tensor(ids)).tolist() == expected.tolist()


def test_without_names_nothing_is_counted():
    assert NameCounts([], 3)(torch.ones(2, 5, dtype=torch.int64)).tolist() == [[0, 0, 0], [0, 0, 0]]


@pytest.mark.filterwarnings("ignore:You are using the legacy:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:The feature will be removed:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Exporting aten..index:UserWarning")
@pytest.mark.parametrize("names", [NAMES, []], ids=["names", "none"])
def test_onnx_counts_the_same(tmp_path, names):
    counter, path = NameCounts(names, 4), tmp_path / "names.onnx"
    torch.onnx.export(
        counter,
        (torch.ones(2, 8, dtype=torch.int64),),
        path,
        input_names=["ids"],
        output_names=["counts"],
        dynamic_axes={"ids": {0: "batch", 1: "sequence"}},
        opset_version=17,
        dynamo=False,
    )
    assert [node.op_type for node in onnx.load(path).graph.node].count("TfIdfVectorizer") == bool(names)
    session = onnxruntime.InferenceSession(path)
    for shape in ((1, 3), (4, 60)):
        ids = torch.randint(0, 9, shape, generator=torch.Generator().manual_seed(3))
        (counts,) = session.run(None, {"ids": ids.numpy()})
        assert counts.tolist() == counter(ids).tolist()


def test_runs_are_complete():
    assert sorted(runs([1, 2, 3], 2)) == [(1,), (1, 2), (2,), (2, 3), (3,)]


def test_names_are_learned_from_texts(tokenizer):
    labels = ["Image Captioning", "Speech Recognition"]
    labeller = Labeller([vocabulary.task(label) for label in labels])
    texts = ["We do Image Captioning here.", "On speech recognition and image captioning", "Nothing of it."]
    names, tasks = collect_names(texts, labeller, tokenizer)
    assert tasks == [{0}, {0, 1}, set()]
    counts = NameCounts(names, 2)
    ids = tokenizer("A new text on speech recognition", return_tensors="pt")["input_ids"]
    assert counts(ids).tolist() == [[0, 1]]
    # The tokenizer's settings have not changed.
    assert len(tokenizer(["a b c d e f g h", "a"], truncation=True, max_length=4, padding=True)["input_ids"][1]) == 4


def test_tokens_that_mostly_mean_something_else_are_no_name(tokenizer, monkeypatch):
    class ByPlace:
        def mentions(self, text):
            return module.Labeller([vocabulary.task("Atari Games")]).mentions(text) if text.startswith("On") else []

    texts = ["On Atari games"] * 3 + ["We play Atari games"] * 2
    assert collect_names(texts, ByPlace(), tokenizer)[0] == []
    assert collect_names(texts[:3], ByPlace(), tokenizer)[0] != []
