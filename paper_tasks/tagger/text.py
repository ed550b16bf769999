"""Title and abstract as the one string that the model reads."""

import re
import unicodedata

TEXT_FORMAT = "{title}. {abstract}"
# Far more than the model reads, and little enough that one huge text does not keep others waiting.
MAX_CHARACTERS = 20_000

_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]"
)
_SURROGATES = re.compile("[\ud800-\udfff]")
# A sign that ends a sentence or a parenthesis is not the end of a URL.
_URL = re.compile(r"\b(?:https?://|www\.)[^\s}]*[^\s}.,;:!?)\]'\"]")
# A LaTeX accent and its letter, as in Poincar\'e, na{\"\i}ve and Fran\c{c}ois, and Unicode's combining accents.
_ACCENT = re.compile(r"\{?\\(?:([`'^\"~=.])|([uvHckr])(?: |(?=\{)))\{?\\?([A-Za-z])\}{0,2}")
_COMBINING = dict(
    zip("`'^\"~=.uvHckr", "\u0300\u0301\u0302\u0308\u0303\u0304\u0307\u0306\u030c\u030b\u0327\u0328\u030a", strict=True)
)


def clean_text(text: str | None) -> str:
    """One line of printable NFC text, of at most about `MAX_CHARACTERS` characters; None gives "".

    Control characters, zero-width characters and URLs are removed. LaTeX accents become accented letters, whitespace
    becomes single spaces, and lone surrogates become U+FFFD.
    """
    if not text:
        return ""
    text = _URL.sub(" ", _INVISIBLE.sub("", text))
    if "\\" in text:
        text = _ACCENT.sub(lambda match: match[3] + _COMBINING[match[1] or match[2]], text)
    text = " ".join(text.split())[:MAX_CHARACTERS]
    if _SURROGATES.search(text):
        # UTF-16 joins two surrogates that are one character, as JSON may write it.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    # After the cut: the time to normalize many combining marks grows with the square of their number.
    return unicodedata.normalize("NFC", text)


def format_paper(title: str | None, abstract: str | None, text_format: str = TEXT_FORMAT) -> str:
    """Title and abstract, cleaned, as the one string that the model reads, in training and in use.

    If one of the two is blank, the string is the other; if both are, it is empty.
    """
    title, abstract = clean_text(title).rstrip(" ."), clean_text(abstract)
    if title and abstract:
        return text_format.format(title=title, abstract=abstract)
    return title or abstract


def has_words(text: str) -> bool:
    """Whether a text has anything to tag: a letter or a digit of any script."""
    return any(map(str.isalnum, text))
