"""Distant labels: the tasks that a paper names in its title, its abstract or its authors' keywords.

Papers with Code's own labels are mostly of this kind, and since it closed nobody makes others. Distant labels are no
more than a substitute. A paper that works on a task without naming it gets no label. A paper that names a task only to
distinguish itself from it gets a wrong one.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import ahocorasick
import pandas as pd
from tqdm import tqdm

from paper_tasks.data import vocabulary
from paper_tasks.data.vocabulary import Task
from paper_tasks.errors import InputError
from paper_tasks.io import encoder, tables
from paper_tasks.io.cells import parse_column
from paper_tasks.io.rows import find_text, spellings

# Authors write these apart, with a hyphen or as one word: "multi-task", "multi task", "multitask".
PREFIXES = {
    spelling
    for prefix in re.findall(r"\w+", "auto co cross hyper inter intra meta multi non pre re self semi spatio super un")
    for spelling in (prefix, prefix.capitalize(), prefix.upper())
}
JOINT = re.compile(r"-\s?|\s")
# The stop at the end of a sentence or a title is a word by itself, so that no phrase reaches beyond it.
WORD = re.compile(r"""([^\W_]+|[.?!:;](?=[)\]"'’”]*\s))""")
SEVERAL = re.compile(r"[,/&;]|\b(and|or)\b", re.IGNORECASE)


class Mention(NamedTuple):
    """Characters `start` to `end` of a text, which name some tasks, and the indices of the tasks."""

    start: int
    end: int
    tasks: tuple[int, ...]


class WordSpans(NamedTuple):
    """A text's words and stops in order, and the characters where each starts and ends."""

    words: list[str]
    starts: list[int]
    ends: list[int]


def split_words(text: str) -> WordSpans:
    """Runs of letters and digits, and ends of sentences; a prefix and the run behind it are one word.

    Labelling a corpus spends most of its time here, so only texts with prefixes are read by a loop in Python.
    """
    parts = WORD.split(text)
    borders = list(accumulate(map(len, parts)))
    words, starts, ends = parts[1::2], borders[:-1:2], borders[1::2]
    if PREFIXES.isdisjoint(words):
        return WordSpans(words, starts, ends)
    joined: list[int] = []
    for index in (index for index, word in enumerate(words[:-1]) if word in PREFIXES):
        # In "non-auto-regressive" only one of the prefixes is joined to the word behind it.
        if JOINT.fullmatch(parts[2 * index + 2]) and not (joined and joined[-1] == index - 1):
            joined.append(index)
    for index in reversed(joined):
        words[index : index + 2] = [text[starts[index] : ends[index + 1]]]
        del starts[index + 1], ends[index]
    return WordSpans(words, starts, ends)


def normalize_word(word: str) -> str:
    """One form for the spellings of a word: case, hyphen, British or American, singular or plural."""
    word = re.sub(r"[-\s]", "", word.lower())
    word = word.replace("isation", "ization").replace("isi", "izi").replace("ise", "ize")
    word = word.replace("lling", "ling").replace("lled", "led").replace("our", "or")
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-3] + "y" if word.endswith("ies") else word[:-1]
    return word


def normalize_acronym(word: str) -> str:
    """An acronym keeps its case and loses the small s of its plural: "GNNs" becomes "GNN"."""
    return word[:-1] if word.endswith("s") and word[:-1].isupper() else word


def is_subject(keyword: str) -> bool:
    """Whether a keyword is a path in some venue's list of subjects, not in the authors' own words."""
    return ":" in keyword


def whole_subjects(keywords: Iterable[str]) -> list[str]:
    """The keywords, with subjects put together again that hold a semicolon.

    Lists of keywords were split at semicolons, and so were subjects such as "Machine Learning: Multi-instance;
    Multi-label". At venues with subjects, a list that begins with a subject holds nothing else.
    """
    whole: list[str] = []
    for keyword in keywords:
        if whole and is_subject(whole[0]) and not is_subject(keyword):
            whole[-1] += f"; {keyword}"
        else:
            whole.append(keyword)
    return whole


class PhraseMatcher:
    """Finds every one of many phrases in a text, whole words only, in one pass (Aho and Corasick, 1975)."""

    def __init__(self, phrases: dict[str, tuple[int, ...]], normalize: Callable[[str], str]) -> None:
        """phrases: each with the indices of the tasks that it names. normalize: one form for a word's spellings."""
        numbers: dict[str, int] = {}
        # The number of a word, 0 if no phrase has it. Cached, since a corpus has few distinct words.
        self._number = cache(lambda word: numbers.get(normalize(word), 0))
        by_key: dict[tuple[int, ...], set[int]] = {}
        for phrase, tasks in phrases.items():
            words = [normalize(word) for word in split_words(phrase).words]
            key = tuple(numbers.setdefault(word, len(numbers) + 1) for word in words)
            by_key.setdefault(key, set()).update(tasks)
        self._automaton = ahocorasick.Automaton(ahocorasick.STORE_ANY, ahocorasick.KEY_SEQUENCE)
        for key, named in by_key.items():
            self._automaton.add_word(key, (len(key), tuple(sorted(named))))
        self._automaton.make_automaton()

    def find(self, words: list[str]) -> Iterator[tuple[int, int, tuple[int, ...]]]:
        """First word, last word (inclusive) and tasks of every phrase in the text, overlapping ones too."""
        numbers = tuple(map(self._number, words))
        if any(numbers):
            for last, (length, tasks) in self._automaton.iter(numbers):
                yield last - length + 1, last, tasks


class Labeller:
    """Finds the names and aliases of tasks. Spellings of one task are always labelled together.

    The index of a task is that in `tasks`, by default the vocabulary's 260.
    """

    def __init__(self, tasks: Sequence[Task] | None = None) -> None:
        tasks = vocabulary.tasks() if tasks is None else tasks
        spellings: dict[str, list[int]] = {}
        for index, task in enumerate(tasks):
            spellings.setdefault(task.canonical, []).append(index)
        phrases: dict[str, tuple[int, ...]] = {}
        acronyms: dict[str, tuple[int, ...]] = {}
        for task in tasks:
            indices = spellings[task.canonical]
            for phrase in (re.sub(r"\s*\(.*\)", "", task.name), *task.aliases):
                kind = acronyms if phrase == phrase.upper() else phrases
                kind[phrase] = tuple(sorted({*kind.get(phrase, ()), *indices}))
        self._matchers = (
            PhraseMatcher(phrases, normalize_word),
            PhraseMatcher(acronyms, normalize_acronym),
        )

    def text_tasks(self, *texts: str) -> set[int]:
        """Indices of the tasks that the texts name."""
        found: set[int] = set()
        for text in texts:
            words = split_words(text).words
            for matcher in self._matchers:
                for _, _, tasks in matcher.find(words):
                    found.update(tasks)
        return found

    def keyword_tasks(self, keywords: Iterable[str]) -> set[int]:
        """Indices of the tasks that authors' keywords name.

        A keyword may be a path in some venue's list of subjects ("Data Mining: Recommender Systems"). Then only its
        last step counts, without the examples in parentheses. A step that joins several subjects ("Image and video
        retrieval") does not count, since the paper may work on only one of them.
        """
        found: set[int] = set()
        for keyword in whole_subjects(keywords):
            last = re.sub(r"\(.*?\)", " ", keyword).rpartition(":")[-1]
            if not (is_subject(keyword) and SEVERAL.search(last)):
                found |= self.text_tasks(last)
        return found

    def mentions(self, text: str) -> list[Mention]:
        """Every mention of a task in the text, in order of appearance."""
        words, starts, ends = split_words(text)
        return sorted(
            Mention(starts[first], ends[last], tasks)
            for matcher in self._matchers
            for first, last, tasks in matcher.find(words)
        )

    def remove_mentions(self, text: str, tasks: set[int]) -> str:
        """The text without the words that name the tasks with these indices."""
        kept, position = [], 0
        for mention in self.mentions(text):
            if tasks.isdisjoint(mention.tasks):
                continue
            kept.append(text[position : mention.start])
            position = max(position, mention.end)
        kept.append(text[position:])
        return re.sub(r"\s+", " ", "".join(kept)).strip()


def label(papers: pd.DataFrame) -> list[list[str]]:
    """The distant labels, names of tasks, of papers with columns `title`, `abstract` and `keywords` (lists)."""
    labeller = Labeller()
    names = vocabulary.names()
    rows = zip(papers["title"], papers["abstract"], papers["keywords"], strict=True)
    return [
        [names[index] for index in sorted(labeller.text_tasks(title, abstract) | labeller.keyword_tasks(keywords))]
        for title, abstract, keywords in tqdm(
            rows, total=len(papers), desc="labelling", unit="paper", delay=1, disable=None
        )
    ]


def read_papers(source: Path) -> pd.DataFrame:
    """Reads a table of papers. The columns `keywords` and, if any paper has one, `tasks` hold lists.

    A column's name may be in any case ("Title"); the table returned has it in small letters.

    Raises InputError if there is no title or abstract, or if a cell that should be a list is not one.
    """
    papers = read_table(source, ("title", "abstract", "keywords", "tasks"))
    check_columns(papers, source, "title", "abstract")
    cells = papers["keywords"] if "keywords" in papers else pd.Series([""] * len(papers), name="keywords")
    papers["keywords"] = parse_column(cells, source)
    if "tasks" in papers:
        papers["tasks"] = parse_column(papers["tasks"], source)
        _check_separated(papers["tasks"], source)
        if not papers["tasks"].map(bool).any():
            del papers["tasks"]
    return papers


def read_table(source: Path, fields: Iterable[str]) -> pd.DataFrame:
    """The whole table as text; a column of `fields` may be in any case ("Title"), and has small letters in the answer.

    Raises InputError as `tables.read_table` does.
    """
    table = tables.read_table(source)
    for field in fields:
        names = spellings(table.columns, field)
        if names and names != [field]:
            name = field if field in names else names[0]
            table[name] = [find_text(row, field)[1] for row in table[names].to_dict("records")]
            table = table.rename(columns={name: field})
    return table


def check_columns(table: pd.DataFrame, source: Path, *names: str) -> None:
    """Raises InputError if the table of a file lacks a column."""
    for column in names:
        if column not in table:
            raise InputError(f"{source} has no column '{column}'; it has: {', '.join(table.columns)}.")


def _check_separated(tasks: pd.Series, source: Path) -> None:
    """Raises InputError if no paper has two tasks, but many have a comma or a bar that seems to separate two."""
    for separator in (", ", "|"):
        lists = [number for number, names in enumerate(tasks, start=1) if any(separator in name for name in names)]
        if len(lists) > len(tasks) / 10 and tasks.map(len).max() == 1:
            raise InputError(
                f"{source}, row {lists[0]}, column 'tasks': '{tasks.iloc[lists[0] - 1][0][:40]}' seems to be more than "
                'one; write ["one", "two"] or one; two.'
            )


def label_file(source: Path, output: Path) -> int:
    """Copies a table of papers, with their distant labels in the column `tasks`.

    Returns the number of papers that got a label. Raises InputError if the table has no title or abstract, or if it
    has tasks already.
    """
    tables.table_format(output)
    if output.exists():
        raise InputError(f"{output} exists already; name another file to write, or remove it.")
    papers = read_papers(source)
    if "tasks" in papers:
        raise InputError(f"{source} has tasks already; remove its column 'tasks' to label it anew.")
    tasks = label(papers)
    papers["tasks"] = tasks
    encoder.write_table(output, papers)
    return sum(map(bool, tasks))
