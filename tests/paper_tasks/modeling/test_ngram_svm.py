import numpy as np
import onnxruntime
import pytest
import torch

from paper_tasks.modeling.backbones import load_backbone
from paper_tasks.modeling.ngram_svm import WordModel, fit_words

TEXTS = ["photographs for blind readers", "recordings of speakers with accents", "vertices exchange messages"] * 20
TRUTH = np.tile(np.eye(3, dtype=np.int64), (20, 1))


@pytest.fixture(scope="module")
def tokenizer(backbone):
    return load_backbone(backbone)[1]


def ids(tokenizer, *texts):
    return tokenizer(list(texts), padding=True, return_tensors="pt")["input_ids"]


@pytest.mark.parametrize("features", [20_000, 30])
def test_words_indicate_a_label(tokenizer, features):
    words = fit_words(TEXTS, TRUTH, tokenizer, features)
    assert len(words.features) <= features and {len(run) for run in words.features} == {1, 2}
    found = words(ids(tokenizer, "accents of speakers", "messages between vertices", "readers look at photographs"))
    assert found.argmax(dim=1).tolist() == [1, 2, 0]


def test_it_equals_scikit_learns_model(tokenizer):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    vectorizer = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\S+", min_df=8, sublinear_tf=True)
    rows = [" ".join(map(str, row)) for row in tokenizer(TEXTS, add_special_tokens=False)["input_ids"]]
    svm = LinearSVC(random_state=0).fit(vectorizer.fit_transform(rows), TRUTH[:, 1])
    words = fit_words(TEXTS, TRUTH, tokenizer)
    found = torch.cat([words(ids(tokenizer, text)) for text in TEXTS[:3]])[:, 1]
    np.testing.assert_allclose(found, svm.decision_function(vectorizer.transform(rows[:3])), atol=1e-4)


def test_a_label_of_every_paper_or_none_gets_no_weights(tokenizer):
    truth = np.stack([TRUTH[:, 0], np.zeros(60, int), np.ones(60, int)], axis=1)
    words = fit_words(TEXTS, truth, tokenizer)
    assert not words.weights.weight[:, 1:].any() and words.bias[1:].tolist() == [-1, 1]


@pytest.mark.filterwarnings("ignore:You are using the legacy:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:The feature will be removed:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Exporting aten..index:UserWarning")
def test_onnx_gives_the_same(tokenizer, tmp_path):
    words, path = fit_words(TEXTS, TRUTH, tokenizer), tmp_path / "words.onnx"
    example = ids(tokenizer, *TEXTS[:2])
    names = {"input_names": ["ids"], "output_names": ["scores"], "opset_version": 17, "dynamo": False}
    torch.onnx.export(words, (example,), path, dynamic_axes={"ids": {0: "batch", 1: "sequence"}}, **names)
    for batch in (example[:1, :3], ids(tokenizer, *TEXTS[1:3]), torch.zeros(1, 4, dtype=torch.int64)):
        (scores,) = onnxruntime.InferenceSession(path).run(None, {"ids": batch.numpy()})
        np.testing.assert_allclose(scores, words(batch), atol=1e-5)


def test_without_a_known_word_the_output_is_the_bias():
    words = WordModel([(5,), (5, 6)], 2)
    words.bias += torch.tensor([1.0, -1.0])
    assert words(torch.tensor([[9, 9, 9]])).tolist() == [[1, -1]]
