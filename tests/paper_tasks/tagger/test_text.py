"""The text that the model reads is the same, from wherever it was pasted."""

import csv
import html
import random
import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paper_tasks.tagger.text import (
    MAX_CHARACTERS,
    clean_text,
    format_paper,
    has_words,
    join_broken_words,
    known_words,
)
from tests import ROOT

with (ROOT / "csv_files" / "sample_papers.csv").open(newline="", encoding="utf-8") as file:
    SAMPLE = [(row["title"], row["abstract"]) for row in csv.DictReader(file)]

WORD = re.compile(r"(?<![\w\\{-])[a-z]{4,}(?![\w}-])")
LIGATURES = {"ffi": "\ufb03", "ffl": "\ufb04", "ff": "\ufb00", "fi": "\ufb01", "fl": "\ufb02"}
# Signs that cleaning treats in a special way.
SIGNS = ["&amp;", "&lt;", "&amp;lt;p&amp;gt;", "<p>", "</sub>", "\\emph{", "{", "}", "\\", "$", "~", "-\n", "- ", "--"]
SIGNS += [
    "\xad\n",
    "\u2010",
    "\ufb01",
    "\ufeff",
    "\u0301",
    "\\'e",
    "\\cite{a}",
    "http://a.b/c",
    "\ud800",
    "\udc00",
    "``",
]


def full_width(text, rng):
    """Latin letters and digits as East Asian full-width characters, in a third of the words."""
    wide = {ord(sign): ord(sign) + 0xFEE0 for sign in string.ascii_letters + string.digits}
    return WORD.sub(lambda word: word[0].translate(wide) if rng.random() < 0.33 else word[0], text)


def ligatures(text, rng):
    for letters, sign in LIGATURES.items():
        text = text.replace(letters, sign)
    return text


def other_hyphens(text, rng):
    return re.sub(r"(?<=\w)-(?=\w)", lambda _: rng.choice("\u2010\u2011"), text)


def broken_words(text, rng):
    """A line break with a hyphen in a third of the words; where both readings of a break are words, there is none."""

    def broken(match):
        word = match[0]
        parts = [(word[:cut], word[cut:]) for cut in range(2, len(word) - 1)]
        sure = [f"{a}-\n{b}" for a, b in parts if f"{a}-{b}" not in known_words()]
        return rng.choice(sure) if sure and word in known_words() and rng.random() < 0.33 else word

    return WORD.sub(broken, text)


def bibtex_braces(text, rng):
    return re.sub(r"(?<![\w\\])[A-Z]\w*\b(?!})", lambda word: f"{{{word[0]}}}", text)


def html_marks(text, rng):
    def marked(match):
        tag = rng.choice(["i", "b", "em", "sub", "jats:italic"])
        return f"<{tag}>{match[0]}</{tag}>" if rng.random() < 0.2 else match[0]

    return f"<p>{WORD.sub(marked, html.escape(text))}</p>"


def latex_emphasis(text, rng):
    def marked(match):
        return (
            f"\\{rng.choice(['emph', 'textbf', 'textit', 'textsc'])}{{{match[0]}}}" if rng.random() < 0.2 else match[0]
        )

    return WORD.sub(marked, text)


DRESSINGS = [full_width, ligatures, other_hyphens, broken_words, bibtex_braces, html_marks, latex_emphasis]


@pytest.mark.parametrize("dressing", DRESSINGS, ids=lambda dressing: dressing.__name__)
def test_a_paper_reads_the_same_in_any_dressing(dressing):
    rng = random.Random(22)
    changed = 0
    for title, abstract in SAMPLE:
        dressed = dressing(title, rng), dressing(abstract, rng)
        changed += dressed != (title, abstract)
        # To the tokenizer a hyphen between two letters is a blank.
        assert format_paper(*dressed).replace("-", " ") == format_paper(title, abstract).replace("-", " ")
    assert changed > 100


texts = st.lists(st.one_of(st.text(max_size=8), st.sampled_from(SIGNS), st.sampled_from([*"ab \n"])), max_size=12)


@settings(max_examples=200, deadline=None)
@given(texts.map("".join))
def test_a_cleaned_text_is_one_line_that_stays_as_it_is(text):
    cleaned = clean_text(text)
    assert cleaned == " ".join(cleaned.encode().decode().split())
    assert clean_text(cleaned) == cleaned


@given(st.lists(st.text(string.ascii_letters + string.digits, min_size=1)))
def test_plain_words_lose_no_character(words):
    assert clean_text("\n".join(words)) == " ".join(words)


def test_clean_text():
    assert clean_text(" a\u00adb\n\n c\x00\u200bd ") == "ab cd"
    assert clean_text("\ud83d\ude00") == "😀"
    assert clean_text("e\u0301") == "é"
    assert clean_text(None) == ""
    assert clean_text("Code: https://x.org/y?z=1 or \\url{www.x.org}.") == "Code: or url ."
    assert clean_text("See https://x.org/y. We (www.x.org, say) go on.") == "See . We ( , say) go on."
    assert len(clean_text("word " * 100_000)) <= MAX_CHARACTERS


@pytest.mark.parametrize(
    ("latex", "letters"),
    [
        (r"Poincar\'e and G{\"{o}}del", "Poincaré and Gödel"),
        (r"na{\"\i}ve, na\"ive", "naïve, naïve"),
        (r"Fran\c{c}ois, Erd\H os, Ho\v{r}ej\v{s}\'i", "François, Erdős, Hořejší"),
        (r"$\tilde{x}$ \cite{k} \rho 50\% end", "tilde x rho 50% end"),
        (r"an \emph{image} of {\bf noise}, \textsc{Bert}~\citep[p.~3]{k}", "an image of noise, Bert"),
        (r"$F_1$ of ``ours''", 'F_1 of "ours"'),
    ],
)
def test_latex_is_plain_text(latex, letters):
    assert clean_text(latex) == letters


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("<jats:title>Abstract</jats:title><jats:p>We</jats:p>", "Abstract We"),
        ("CO<sub>2</sub> &lt; 5 &amp;amp; more", "CO2 < 5 & more"),
        ("the <unk> token, a < b > c", "the <unk> token, a < b > c"),
        ("AT&T; R&D", "AT&T; R&D"),
    ],
)
def test_html_is_plain_text(marked, plain):
    assert clean_text(marked) == plain


@pytest.mark.parametrize(
    ("broken", "whole"),
    [
        ("seg-\nmentation", "segmentation"),
        ("seg- mentation", "segmentation"),
        ("self-\nsupervised", "self-supervised"),
        ("super-\n  vised", "supervised"),
        ("pre- and post-processing", "pre- and post-processing"),
        ("left- or right-handed", "left- or right-handed"),
        ("in-\nto it", "into it"),
        ("pre-\nand post-processing", "pre- and post-processing"),
        ("Xqz-\nblorf", "Xqzblorf"),
        ("graph-\nspeech", "graph-speech"),
    ],
)
def test_broken_words_are_whole_again(broken, whole):
    assert clean_text(join_broken_words(broken)) == whole == clean_text(broken)


def test_format_paper_leaves_nothing_dangling():
    assert format_paper("A title.", "Text.") == "A title. Text."
    assert format_paper("", "Text.") == "Text."
    assert format_paper("A title", "") == "A title"
    assert format_paper(None, None) == ""
    # What is left of braces is no field of the format.
    assert format_paper("{title}", "{x}") == "title. x"


def test_a_text_with_words_has_a_letter_or_a_digit_of_any_script():
    assert has_words("物") and has_words("- 3") and not has_words("...?! ")
