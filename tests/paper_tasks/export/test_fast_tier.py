import numpy as np
import torch

from paper_tasks.export.fast_tier import distil
from paper_tasks.modeling.backbones import read_tokenizer
from paper_tasks.modeling.model import FastModel, PaperTaskModel

WORDS = ["pictures", "speakers", "robots"]


class Teacher:
    """It gives the task of a number a probability of 0.9 where a text has the word of that number, and else 0.1."""

    def __init__(self, labels):
        self._labels = labels

    def probabilities(self, papers):
        likely = np.full((len(papers), len(self._labels)), 0.1, dtype=np.float32)
        for row, (_, abstract) in enumerate(papers):
            likely[row, [index for index, word in enumerate(WORDS) if word in abstract]] = 0.9
        return likely


def test_the_fast_tier_repeats_its_teacher(trained):
    folder, _ = trained
    fast, tokenizer = FastModel(PaperTaskModel.load(folder)).eval(), read_tokenizer(folder)
    rng = np.random.default_rng(0)
    texts = [" ".join(["we", "study", *rng.permutation(WORDS)[: rng.integers(4)], "here"]) for _ in range(4000)]
    distil(fast, Teacher(fast.labels), [("A study", text) for text in texts], tokenizer)
    ids = tokenizer(["A study. we study robots here"], return_tensors="pt", add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        (probabilities,) = torch.sigmoid(fast(ids).logits)
    assert probabilities[2] > 0.7 > 0.3 > probabilities[[0, 1, *range(3, len(fast.labels))]].max()
