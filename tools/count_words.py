"""The words that tell whether a hyphen at the end of a line belongs to the word: `paper_tasks/tagger/words.txt`.

Usage: python -m tools.count_words PAPERS...        (tables with the columns title and abstract)
"""

import re
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm
from typer import Argument

from paper_tasks.io import atomic
from paper_tasks.io.tables import read_table
from paper_tasks.tagger.text import WORDS

# Fewer papers may share a typing error, or the first half of a word that a line broke.
LEAST_PAPERS = 100
WORD = re.compile(r"(?<![\w-])[a-z]{2,}(?![\w-])")
# Overlapping pairs: "state-of-the-art" has three.
HYPHENATED = re.compile(r"(?<![a-z])(?=([a-z]+-[a-z]+)(?![a-z]))")


def frequent_words(texts: list[str]) -> list[str]:
    """Words and hyphenated pairs of at least `LEAST_PAPERS` texts; a pair only if it is rarer as one word."""
    words: Counter[str] = Counter()
    pairs: Counter[str] = Counter()
    for text in tqdm(texts, unit="paper", disable=None):
        words.update(set(WORD.findall(text.lower())))
        pairs.update(set(HYPHENATED.findall(text.lower())))
    kept = {word for word, papers in words.items() if papers >= LEAST_PAPERS}
    kept |= {pair for pair, papers in pairs.items() if papers >= max(LEAST_PAPERS, words[pair.replace("-", "")] + 1)}
    return sorted(kept)


def main(papers: Annotated[list[Path], Argument(help="Tables of papers: titles and abstracts are read.")]) -> None:
    """Write the list of words anew."""
    texts = []
    for table in map(read_table, papers):
        texts += (table["title"] + ". " + table["abstract"]).tolist()
    atomic.write_text(WORDS, "\n".join(frequent_words(texts)) + "\n")


if __name__ == "__main__":
    typer.run(main)
