"""Is a text in English? The model has read nothing else, and does not notice by itself."""

import re

NOT_ENGLISH = "This text does not look like English, the only language that the model reads: its answer means little."

# Of the words of 64,702 English abstracts at least 5.6% are these; other languages have them by accident.
_FREQUENT = frozenset(["the", "of", "and", "to", "that", "for", "with", "are", "this", "which", "from", "by"])
_LEAST_SHARE = 0.045
# A title may well have none of them.
_FEW_WORDS = 20
# Where the Latin letters of Unicode end, accented ones included.
_LATIN_END = "\u024f"


def note(title: str, abstract: str) -> str:
    """What a reader is to know of a paper's language, if anything."""
    return "" if looks_english(f"{title} {abstract}") else NOT_ENGLISH


def looks_english(text: str) -> bool:
    """Whether a text may be in English: by its letters, and where it has 20 words or more by the most frequent."""
    letters = [letter for letter in text if letter.isalpha()]
    if sum(letter <= _LATIN_END for letter in letters) < len(letters) / 2:
        return False
    words = re.findall(r"\w+", text.lower())
    return len(words) < _FEW_WORDS or sum(word in _FREQUENT for word in words) >= _LEAST_SHARE * len(words)
