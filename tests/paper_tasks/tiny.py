"""Small real things to train on: invented papers on eight tasks, a RoBERTa of two thin layers and its tokenizer."""

import csv
import random
from pathlib import Path

from tokenizers import ByteLevelBPETokenizer
from transformers import RobertaConfig, RobertaModel, RobertaTokenizerFast

from paper_tasks.prepare import PrepareOptions, prepare

# A task, and what its papers speak of besides.
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
