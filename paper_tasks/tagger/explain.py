"""Explains a task of a paper: which sentences and words carry it. Each is left out, and the model is asked again.

This is occlusion (Zeiler and Fergus, 2014; for texts Li, Monroe and Jurafsky, 2016), which needs only the model's
answers. Sentences come first, then the phrases of the sentences that count most, until the budget is spent.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np

from paper_tasks.errors import EmptyPaper
from paper_tasks.tagger.classifier import MAIN, TaskClassifier
from paper_tasks.tagger.text import format_paper, has_words

# Cost of an explanation, in tokens that the encoder reads: 21 runs of a text of 192 tokens, the encoder's window, or 27
# runs of an abstract of 150 tokens. They take half a second on two cores. Each run costs OVERHEAD besides.
BUDGET = 18 * 256
OVERHEAD = 20
# More sentences than these are joined with their neighbors, so that some of the budget is left for words.
MOST_SENTENCES = 10
PHRASE_WORDS = 3
# A smaller fall, in log-odds, may come from the rounding of an int8 model.
LEAST = 0.3

_SENTENCE_END = re.compile(r"""(?<=[.!?])["')\]]*\s+(?=["'(\[$\\]*[A-Z0-9])|(?<=[。!?])""")
_ABBREVIATION = re.compile(r"(\b(e\.g|i\.e|al|cf|vs|etc|resp|fig|eq|sec|dr|approx|w\.r\.t)|\b[A-Z])\.$", re.IGNORECASE)
_WORD = re.compile(r"\w+(?:[-'’./]\w+|,\d+)*")
_FUNCTION_WORDS = frozenset(
    _WORD.findall(
        "a about above across after again against all almost alone along also although always am among an and "
        "another any are as at be because been before being below between both but by can could did do does done "
        "down during each either etc even ever every few for from further get gives had has have having he her "
        "here his how however i if in into is it its itself just least less many may me might more moreover most "
        "much must my near neither no nor not now of off often on once one only onto or other our out over own per "
        "rather same several shall she should since so some such than that the their them then there these they "
        "this those though through thus to too toward towards two under until up upon us use used uses using very "
        "via was we well were what when where whether which while who whose why will with within without would yet "
        "you your paper propose present show"
    )
)


Kind = Literal["mention", "sentence", "word"]


class Span(NamedTuple):
    """A part of the text: characters `start` to `end`.

    `contribution` is how far the task's log-odds fall when the part is left out, `without` the probability (0 to 1)
    that is left. All mentions of a task are left out together. If no word is left without the part, `without` is 0 and
    `contribution` is infinite.
    """

    start: int
    end: int
    kind: Kind
    contribution: float
    without: float

    @property
    def is_all(self) -> bool:
        """Whether no word is left without this part."""
        return self.contribution == np.inf


@dataclass(frozen=True)
class Explanation:
    """Why a task has its probability.

    `text` is the text that the model reads. `spans` have character offsets in it and are sorted by their start; a
    sentence comes before the words and mentions in it.
    """

    task: str
    probability: float
    text: str
    spans: list[Span]

    def as_dict(self) -> dict[str, Any]:
        """For JSON: spans also have their words, numbers have four digits, and an infinite number is None."""
        spans = [
            span._asdict()
            | {"contribution": None if span.is_all else round(span.contribution, 4), "without": round(span.without, 4)}
            | {"text": self.text[span.start : span.end]}
            for span in self.spans
        ]
        return asdict(self) | {"probability": round(self.probability, 4), "spans": spans}


def explain(classifier: TaskClassifier, title: str, abstract: str, task: str, level: str = MAIN) -> Explanation:
    """The parts of a paper that carry a task, in under a second on two cores.

    At level `MAIN` the question is whether the paper works on the task, at level `OK` whether the task fits it. All
    spellings of the task count as one, as in `TaskClassifier.rank`. Sentences and words beyond the encoder's window
    are not tried; mentions are found in the whole text that the model reads. Raises EmptyPaper, KeyError for a task
    that is not in the vocabulary, and ValueError for a level that the model does not know.
    """
    text = format_paper(title, abstract, classifier.config.text_format)
    meter = _Meter(classifier, classifier.spellings(task), text, level)
    mentions = find_mentions(classifier, text, meter.columns)
    spans = meter.leave_out([mentions] if mentions else [], "mention")
    spans = [spans[0]._replace(start=start, end=end) for start, end in mentions] if spans else []

    # Empty for a title of blanks.
    title = format_paper(title, "")
    head = len(title) + 1 if title and text != title else 0
    sentences = join_short([span for span in split_sentences(text, head) if span[0] < meter.reach])
    measured = meter.leave_out([[span] for span in sentences], "sentence") if len(sentences) > 1 else []
    spans += [span for span in measured if span.contribution >= LEAST]
    measured.sort(key=lambda span: -span.contribution)
    # If two sentences say the same, the model misses neither: then the words of the first sentence are tried.
    carriers = [span for span in measured if span.contribution >= LEAST] or measured[:1]
    for start, end in [(span.start, span.end) for span in carriers] or sentences:
        phrases = [[span] for span in split_phrases(text, start, min(end, meter.reach), mentions)]
        spans += [span for span in meter.leave_out(phrases, "word") if span.contribution >= LEAST]
    return Explanation(task, meter.probability, text, sorted(spans, key=lambda span: (span.start, -span.end)))


def find_mentions(classifier: TaskClassifier, text: str, columns: Iterable[int]) -> list[tuple[int, int]]:
    """Start and end of all whole words that name one of these labels in the text; no two overlap."""
    columns, encoding = set(columns), classifier.encode(text)
    longest = max(map(len, classifier.names), default=0)
    found = []
    for first in range(len(encoding.ids)):
        for last in range(first, min(first + longest, len(encoding.ids))):
            if not columns.isdisjoint(classifier.names.get(tuple(encoding.ids[first : last + 1]), ())):
                found.append((encoding.offsets[first][0], encoding.offsets[last][1]))
    words = [match.span() for match in re.finditer(r"\w+", text)] if found else []
    mentions: list[tuple[int, int]] = []
    for start, end in sorted(found):
        # The name may be a part of a word: "gan" is the first token of "GANs".
        start = min((word[0] for word in words if word[0] < start < word[1]), default=start)
        end = max((word[1] for word in words if word[0] < end < word[1]), default=end)
        if mentions and start < mentions[-1][1]:
            start, end = mentions[-1][0], max(end, mentions.pop()[1])
        mentions.append((start, end))
    return mentions


def split_sentences(text: str, head: int = 0) -> list[tuple[int, int]]:
    """Start and end of each sentence that has a word. The first `head` characters, a title, are one sentence."""
    cuts = [0, *([head] if head else [])]
    for match in _SENTENCE_END.finditer(text, head):
        if not _ABBREVIATION.search(text, max(0, match.start() - 8), match.start()):
            cuts.append(match.end())
    spans = []
    for start, end in pairwise([*cuts, len(text)]):
        piece = text[start:end]
        if has_words(piece):
            start += len(piece) - len(piece.lstrip())
            spans.append((start, start + len(piece.strip())))
    return spans


def join_short(spans: Sequence[tuple[int, int]], most: int = MOST_SENTENCES) -> list[tuple[int, int]]:
    """At most `most` spans: the two neighbors that are shortest together become one, until there are few enough."""
    spans = list(spans)
    while len(spans) > most:
        index = min(range(len(spans) - 1), key=lambda index: spans[index + 1][1] - spans[index][0])
        spans[index : index + 2] = [(spans[index][0], spans[index + 1][1])]
    return spans


def split_phrases(text: str, start: int, end: int, taken: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Start and end of sequences of up to PHRASE_WORDS content words in a sentence, outside of the spans `taken`."""
    phrases: list[list[tuple[int, int]]] = []
    for match in _WORD.finditer(text, start, end):
        word = match.span()
        if match[0].lower() in _FUNCTION_WORDS or any(word[0] < last and first < word[1] for first, last in taken):
            continue
        last = phrases[-1] if phrases else []
        if last and len(last) < PHRASE_WORDS and text[last[-1][1] : word[0]].isspace():
            last.append(word)
        else:
            phrases.append([word])
    return [(phrase[0][0], phrase[-1][1]) for phrase in phrases]


class _Meter:
    """Runs the model on a text without some of its parts, and stops when the budget is spent."""

    def __init__(self, classifier: TaskClassifier, columns: Sequence[int], text: str, level: str) -> None:
        self._classifier, self._text, self._left = classifier, text, BUDGET
        self._window = classifier.config.encoder_tokens
        self.columns, self._level = columns, level
        # Index of the first character that the encoder does not read.
        offsets = classifier.encode(text).offsets
        self.reach = len(text) if len(offsets) <= self._window else max(end for _, end in offsets[: self._window])
        self._full = self._log_odds(text)
        self.probability = _sigmoid(self._full)

    def leave_out(self, pieces: Sequence[Sequence[tuple[int, int]]], kind: Kind) -> list[Span]:
        """The fall without each piece (one or more spans), given as a span at its start; until the budget ends."""
        measured = []
        for piece in pieces:
            if self._left <= 0:
                break
            try:
                left = self._log_odds(_without(self._text, piece))
            except EmptyPaper:
                left = -np.inf
            measured.append(Span(*piece[0], kind, self._full - left, _sigmoid(left)))
        return measured

    def _log_odds(self, text: str) -> float:
        self._left -= min(self._window, len(self._classifier.encode(text))) + OVERHEAD
        (logits,) = self._classifier.logits([("", text)], self._level)
        return float(logits[self.columns].max())


def _without(text: str, piece: Sequence[tuple[int, int]]) -> str:
    for start, end in reversed(piece):
        text = f"{text[:start].rstrip()} {text[end:].lstrip()}"
    return text.strip()


def _sigmoid(logit: float) -> float:
    return float(np.exp(-np.logaddexp(0, -logit)))
