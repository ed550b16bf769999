"""Small real things to train on: invented papers on eight tasks, a RoBERTa of two thin layers and its tokenizer."""

import csv
import random
from pathlib import Path

import torch
from tokenizers import ByteLevelBPETokenizer
from transformers import (
    AutoModel,
    BertConfig,
    DistilBertConfig,
    MPNetConfig,
    RobertaConfig,
    RobertaModel,
    RobertaTokenizerFast,
)

from paper_tasks.data.options import PrepareOptions
from paper_tasks.data.prepare import prepare
from paper_tasks.modeling.model import PaperTaskModel

# Each task, and the words of its papers.
TOPICS = {
    "Image Captioning": "photographs described in sentences for blind readers",
    "Speech Recognition": "recordings of speakers transcribed into words with accents",
    "Machine Translation": "German and Hindi sentences aligned across languages",
    "Node Classification": "citation networks whose vertices exchange messages",
    "Time Series Forecasting": "hourly electricity load predicted a week ahead",
    "Atari Games": "agents that press buttons for rewards on old consoles",
    "Question Answering": "reading passages and picking the span that responds",
    "Image Denoising": "grainy pictures restored without clean targets",
}
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
POSITIONS = {"vocab_size": 400, "max_position_embeddings": 130}
ENCODERS = {
    # The pad token's id is where RoBERTa starts to count positions, which padding must not move.
    "roberta": RobertaConfig(**SIZES, **POSITIONS, type_vocab_size=1, pad_token_id=1),
    "bert": BertConfig(**SIZES, **POSITIONS, pad_token_id=0),
    "distilbert": DistilBertConfig(**POSITIONS, dim=32, n_layers=2, n_heads=2, hidden_dim=64, pad_token_id=0),
    "mpnet": MPNetConfig(**SIZES, **POSITIONS, pad_token_id=1),
}
FILLERS = "we propose a simple method and measure it on two data sets with strong results at low cost"


def write_papers(path: Path, papers: int = 320, seed: int = 0) -> Path:
    """A CSV of invented papers, each on one of the tasks or two; every fifth has author keywords."""
    rng = random.Random(seed)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["title", "abstract", "keywords"])
        writer.writeheader()
        for number in range(papers):
            tasks = rng.sample(list(TOPICS), rng.choice([1, 1, 2]))
            words = [word for task in tasks for word in TOPICS[task].split()] + rng.sample(FILLERS.split(), 8)
            rng.shuffle(words)
            names = " and ".join(task.lower() for task in tasks)
            writer.writerow(
                {
                    "title": f"Study {number} of {' '.join(words[:4])}",
                    "abstract": f"On {names}: {' '.join(words)}. Number {number}.",
                    "keywords": "; ".join(tasks) if number % 5 == 0 else "",
                }
            )
    return path


def write_prepared(folder: Path, papers: int = 320) -> Path:
    """A prepared folder, made of those papers by the real stage."""
    folder.mkdir(parents=True, exist_ok=True)
    options = PrepareOptions(min_papers=10, dev_share=0.15, test_share=0.15, keyword_test_share=0.3)
    prepare(write_papers(folder / "papers.csv", papers), folder, options)
    return folder


def write_backbone(folder: Path) -> Path:
    """A RoBERTa (the class of distilroberta) with random weights, and a byte-level BPE tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    text = [" ".join([task, words, FILLERS]) for task, words in TOPICS.items()] * 4
    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(text, vocab_size=400, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    bpe.save_model(str(folder))
    tokenizer = RobertaTokenizerFast.from_pretrained(str(folder), model_max_length=128)
    tokenizer.save_pretrained(folder)
    config = RobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=130,
        type_vocab_size=1,
    )
    RobertaModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


def random_model(kind: str) -> PaperTaskModel:
    """An untrained model of nine labels with one of `ENCODERS`, and names for them."""
    torch.manual_seed(0)
    encoder = AutoModel.from_config(ENCODERS[kind], attn_implementation="eager")
    names = [((token,), (token % 9,)) for token in range(5, 60)] + [((60, token), (0, 8)) for token in range(60, 399)]
    model = PaperTaskModel(encoder, [f"task {number}" for number in range(9)], names).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            # Away from zero and one, at which biases and layer norms start: a lost one would not be noticed.
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model
