"""Title and abstract as the one string that the model reads."""

import re
import unicodedata

TEXT_FORMAT = "{title}. {abstract}"
# Far more than the model's window of tokens, and little enough that nobody's megabyte keeps others waiting.
MAX_CHARACTERS = 20_000

_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]"
)
_SURROGATES = re.compile("[\ud800-\udfff]")
# Without what ends a sentence or a parenthesis behind it.
_URL = re.compile(r"\b(?:https?://|www\.)[^\s}]*[^\s}.,;:!?)\]'\"]")
# A LaTeX accent and its letter, as in Poincar\'e, na{\"\i}ve and Fran\c{c}ois; each accent as Unicode combines it.
_ACCENT = re.compile(r"\{?\\(?:([`'^\"~=.])|([uvHckr])(?: |(?=\{)))\{?\\?([A-Za-z])\}{0,2}")
_COMBINING = dict(
    zip("`'^\"~=.uvHckr", "\u0300\u0301\u0302\u0308\u0303\u0304\u0307\u0306\u030c\u030b\u0327\u0328\u030a", strict=True)
)


def clean_text(text: str | None) -> str:
    """One line of printable NFC text, of at most about `MAX_CHARACTERS` characters; None gives "".

    Control and zero-width characters go, and URLs, which tell of no task; LaTeX accents become the letters they stand
    for, runs of whitespace one space, lone surrogates U+FFFD.
    """
    if not text:
        return ""
    text = _URL.sub(" ", _INVISIBLE.sub("", text))
    if "\\" in text:
        text = _ACCENT.sub(lambda match: match[3] + _COMBINING[match[1] or match[2]], text)
    text = " ".join(text.split())[:MAX_CHARACTERS]
    if _SURROGATES.search(text):
        # Through UTF-16, so that two halves that belong together, as JSON may give them, become one again.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    # After the cut: normalizing a long run of combining marks takes time in the square of its length.
    return unicodedata.normalize("NFC", text)


def format_paper(title: str | None, abstract: str | None, text_format: str = TEXT_FORMAT) -> str:
    """Title and abstract, cleaned, as the one string that the model reads: in training as in use.

    Where one of the two is blank the other stands alone; where both are, the string is empty.
    """
    title, abstract = clean_text(title).rstrip(" ."), clean_text(abstract)
    if title and abstract:
        return text_format.format(title=title, abstract=abstract)
    return title or abstract


def has_words(text: str) -> bool:
    """Whether there is anything to tag in a text: a letter or a digit, of any script."""
    return any(map(str.isalnum, text))
