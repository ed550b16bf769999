"""Title and abstract as the one string that the model reads.

People paste from PDF files, BibTeX, web pages and LaTeX. The same paper should get the same tags from each of them.
"""

import html
import re
import unicodedata
from functools import cache
from pathlib import Path

TEXT_FORMAT = "{title}. {abstract}"
# Far more than the model reads, and little enough that one huge text does not keep others waiting.
MAX_CHARACTERS = 20_000
# Words and hyphenated pairs of many abstracts; tools/count_words.py writes them.
WORDS = Path(__file__).with_name("words.txt")

_INVISIBLE = re.compile(
    "\xad\\s*\n\\s*|"  # a soft hyphen that did break a word, with its line break
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
# Tags of web pages and of JATS; others, such as <unk> and <mask>, may be words of the paper.
_TAG = re.compile(
    r"</?(?:(?:jats|mml):[\w-]+|a|b|br|div|em|h[1-6]|i|inf|italic|li|ol|p|sc|section|span|strong|sub|sup|tt|u|ul)"
    r"(?:\s[^<>]{0,200})?/?>",
    re.IGNORECASE,
)
# Tags after which a word ends.
_BLOCK = re.compile(r"</?(?:jats:)?(?:br|div|h[1-6]|li|ol|p|section|title|ul)\b", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|[A-Za-z][A-Za-z\d]{1,30});")
# LaTeX: references, which say nothing; the formatting of letters; signs with a backslash; other commands.
_REFERENCE = re.compile(r"[\s~]?\\(?:cite[a-z]*|ref|eqref|label|footnotemark)\*?(?:\[[^\]]*\])*\{[^{}]*\}")
_FORMATTING = re.compile(
    r"\\(?:text[a-z]{2}|textnormal|text|emph|math[a-z]{2,4}|operatorname|mbox|it|bf|em|sc|rm|tt|sf|small|large)\b\*?\s?"
)
_ESCAPED = re.compile(r"\\([&%$#_{}])")
_COMMAND = re.compile(r"\\([A-Za-z]+)\b\s?")
_LATEX_SIGNS = str.maketrans({"{": None, "}": None, "$": None, "\\": " "})
_TIE = re.compile(r"(?<=\S)~(?=\S)")
_SIGNS = str.maketrans(
    dict.fromkeys("\u2010\u2011\u2012\u2013\u2043\u2212\ufe58\ufe63\uff0d", "-")
    | dict.fromkeys("\u2018\u2019\u201b\u02bc", "'")
    | dict.fromkeys("\u201c\u201d\u201f", '"')
)
# A hyphen, a line break or a blank, and small letters on both sides.
_BROKEN = re.compile(r"(?<![^\W\d_])([A-Za-z]*[a-z])-(\s+)([a-z]+)(?![^\W\d_])")
# After a hyphen and a blank they begin a list: "pre- and post-processing".
_LIST_WORDS = frozenset(["and", "or", "to", "versus", "vs", "nor", "but", "as", "than"])
_PLAIN = re.compile(r"[A-Za-z0-9 .,;:()?!'\"%/+=*\[\]@|^#_-]*")
# More are needed only for text that was escaped several times over.
_PASSES = 4


def clean_text(text: str | None) -> str:
    """One line of plain text in Unicode's NFKC form, of at most about `MAX_CHARACTERS` characters; None gives "".

    - Control and zero-width characters, URLs, HTML tags, braces and LaTeX commands are removed.
    - HTML entities, ligatures, LaTeX accents, dashes and quotation marks become the plain characters.
    - A word that was broken at the end of a line is whole again (see `join_broken_words`).
    - Whitespace becomes single spaces, and lone surrogates become U+FFFD.
    """
    if not text:
        return ""
    for _ in range(_PASSES):
        cleaned = _clean_once(text)
        if cleaned == text:
            break
        text = cleaned
    return text


def join_broken_words(text: str) -> str:
    """The text with words whole again that a line broke: "seg-\\nmentation" and, from PDF files, "seg- mentation".

    The hyphen stays if it belongs to the word, as in "self-\\nsupervised": `WORDS` tells.
    """

    def whole(match: re.Match[str]) -> str:
        first, blank, second = match.groups()
        known, left = known_words(), first.lower()
        if f"{left}-{second}" in known:
            return f"{first}-{second}"
        is_line_break = "\n" in blank
        if left + second in known and (is_line_break or second not in _LIST_WORDS):
            return first + second
        if not is_line_break or second in _LIST_WORDS:
            # It may be a list: "left- or right-handed", "bottom- top- and side-view".
            return match[0]
        return f"{first}-{second}" if {left, second} <= known else first + second

    return _BROKEN.sub(whole, text)


@cache
def known_words() -> frozenset[str]:
    """The words and hyphenated pairs of `WORDS`."""
    return frozenset(WORDS.read_text(encoding="utf-8").split())


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


def _clean_once(text: str) -> str:
    text = _URL.sub(" ", _INVISIBLE.sub("", text))
    if not _PLAIN.fullmatch(text):
        text = _plain(text)
    if "-" in text:
        text = join_broken_words(text)
    text = " ".join(text.split())[:MAX_CHARACTERS]
    if _SURROGATES.search(text):
        # UTF-16 joins two surrogates that are one character, as JSON may write it.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    # After the cut: the time to normalize many combining marks grows with the square of their number.
    return unicodedata.normalize("NFKC", text).translate(_SIGNS)


def _plain(text: str) -> str:
    """The text without the marks of HTML and LaTeX."""
    if "&" in text:
        text = _ENTITY.sub(lambda match: html.unescape(match[0]), text)
    if "<" in text:
        text = _TAG.sub(lambda match: " " if _BLOCK.match(match[0]) else "", text)
    if "\\" in text:
        text = _ACCENT.sub(lambda match: match[3] + _COMBINING[match[1] or match[2]], text)
        text = _ESCAPED.sub(r"\1", _FORMATTING.sub("", _REFERENCE.sub("", text)))
        text = _COMMAND.sub(r" \1 ", text)
    text = _TIE.sub(" ", text).replace("``", '"').replace("''", '"')
    return text.translate(_LATEX_SIGNS).translate(_SIGNS).replace("---", " - ").replace("--", "-")
