"""Names the machine-learning tasks of a paper by a quantized ONNX model, with numpy, onnxruntime and tokenizers."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from paper_tasks.errors import EmptyPaper
from paper_tasks.paths import MODEL_DIR
from paper_tasks.tagger import model_folder
from paper_tasks.tagger.config import ModelConfig
from paper_tasks.tagger.text import format_paper, has_words

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Encoding, Tokenizer

# The tiers of a model: its folder holds the full one; the one without the encoder has a folder "fast" in it.
FULL, FAST = TIERS = ("full", "fast")

# Papers that are tokenized together, on every core; few, so that a generator of papers is read as a stream.
WINDOW = 64


# What a task is to a paper: the paper works on it, or it fits the paper too, as a broader task or a technique.
MAIN, OK = LEVELS = ("main", "ok")


class Tag(NamedTuple):
    """A task, and a probability (0 to 1): that the paper works on it, or, at level `OK`, that it fits the paper."""

    task: str
    probability: float
    level: str = MAIN


def by_level(tags: Iterable[Tag]) -> tuple[list[Tag], list[Tag]]:
    """The tags of level `MAIN`, and those of level `OK`, each in the order given."""
    main: list[Tag] = []
    also: list[Tag] = []
    for tag in tags:
        (main if tag.level == MAIN else also).append(tag)
    return main, also


class Probabilities(NamedTuple):
    """float32 from 0 to 1, both (papers, labels): that a paper works on a task, and that the task fits it at all.

    `fits` is None for a model that knows one level.
    """

    main: np.ndarray
    fits: np.ndarray | None = None


class TaskClassifier:
    """An exported model and its tokenizer. `TaskClassifier.load()` gives one.

    Attributes:
        labels: task names in the order of the vocabulary, which is the order of the last axis of every array.
        thresholds: float32 (labels,), the probability from which the model names each task.
        default_threshold: one threshold for all tasks, for a control that moves a single number.
        fits_threshold: the probability from which a task fits a paper that does not work on it; None for a model that
            knows one level.
        levels: the levels that the model knows: `MAIN` alone, or `LEVELS`.
        config: `config.json` as read: what the model was trained on, and how it scored.
        names: sequences of token ids that name labels, each with the indices of these labels. The model looks for them.
    """

    def __init__(
        self,
        session: "InferenceSession",
        tokenizer: "Tokenizer",
        config: ModelConfig,
        names: dict[tuple[int, ...], tuple[int, ...]],
        papers_at_once: int = 1,
    ) -> None:
        self._session = session
        self._map = ThreadPoolExecutor(papers_at_once).map if papers_at_once > 1 else map
        self._tokenizer = tokenizer
        self._info = config.task_info
        self._columns = cache(self._columns_shown)
        self.config = config
        self.names = names
        self.labels = config.labels
        self.thresholds = np.asarray(config.thresholds, dtype=np.float32)
        self.default_threshold = float(config.default_threshold)
        self.fits_threshold = config.fits_threshold
        self.levels = LEVELS[:1] if config.fits_threshold is None else LEVELS
        self._outputs = ["logits", "fits"][: len(self.levels)]
        self._topics = _runs_of_topics(names, config)

    @classmethod
    def load(
        cls, folder: str | Path = MODEL_DIR, threads: int | None = None, bulk: bool = False, tier: str = FULL
    ) -> "TaskClassifier":
        """The model exported to `folder`, run on `threads` CPU threads (default: every core it may use).

        All threads work on one paper, which gives the first answer soonest. With `bulk` each thread has a paper of its
        own, which takes less time for many papers. The results are the same. The tier "fast" has no encoder: it finds
        the tasks that a text names, and infers others from single words.

        Raises ModelError if a file is missing, incomplete, altered since the export, or not understood, and ValueError
        for a tier of another name.
        """
        if tier not in TIERS:
            raise ValueError(f"tier is '{tier}'; it is one of {', '.join(TIERS)}.")
        folder = Path(folder) / ("" if tier == FULL else tier)
        config = model_folder.read_config(folder)
        model_folder.verify_files(folder, config)
        threads = threads or model_folder.usable_cores()
        session, tokenizer = (
            model_folder.open_session(folder, config, 1 if bulk else threads),
            model_folder.open_tokenizer(folder, config),
        )
        return cls(session, tokenizer, config, model_folder.read_names(folder, config), threads if bulk else 1)

    def area(self, task: str) -> str:
        """The field that a task belongs to, such as "computer vision"; KeyError for an unknown task."""
        return self._info[task].area

    def as_json(self, tags: Iterable[Tag]) -> list[dict[str, Any]]:
        """Tags as both front ends answer them: {"task", "probability" (0 to 1, four digits), "level", "area"}."""
        return [
            {
                "task": tag.task,
                "probability": round(tag.probability, 4),
                "level": tag.level,
                "area": self.area(tag.task),
            }
            for tag in tags
        ]

    def threshold(self, task: str) -> float:
        """The probability from which the model names a task: the lowest of its spellings; KeyError if unknown."""
        return float(self.thresholds[self.spellings(task)].min())

    def spellings(self, task: str) -> list[int]:
        """Indices of the labels that are spellings of a task, given any of its names; KeyError if unknown."""
        canonical = self._info[task].canonical
        return [index for index, label in enumerate(self.labels) if self._info[label].canonical == canonical]

    def encode(self, text: str) -> "Encoding":
        """The tokens of a text, up to the last that the model reads, with character offsets and special tokens."""
        return self._tokenizer.encode(text)

    def topics(self, title: str, abstract: str) -> list[str]:
        """Names of the vocabulary that are no tasks (`SSIM`, `Electroencephalogram (EEG)`), where the text has them.

        They are found by their names alone, and have no probability.
        """
        if not self._topics:
            return []
        ids = self.encode(format_paper(title, abstract, self.config.text_format)).ids
        sizes = sorted(set(map(len, self._topics)))
        runs = (tuple(ids[start : start + size]) for start in range(len(ids)) for size in sizes)
        return list(dict.fromkeys(name for run in runs for name in self._topics.get(run, ())))

    def logits(self, papers: Iterable[tuple[str, str]], level: str = MAIN) -> np.ndarray:
        """float32 (papers, labels) for (title, abstract) pairs, in their order; a generator is read once.

        These are the logits that a paper works on a task, or, at level `OK`, that a task fits the paper. Raises
        EmptyPaper for a paper without a word, and ValueError for a level that the model does not know.
        """
        if level not in self.levels:
            raise ValueError(f"level is '{level}'; this model knows {', '.join(self.levels)}.")
        logits: np.ndarray = self.level_logits(papers)[LEVELS.index(level)]
        return logits

    def level_logits(self, papers: Iterable[tuple[str, str]]) -> np.ndarray:
        """The logits of each level that the model knows: float32 (levels, papers, labels). See `logits`."""
        shape = (len(self._outputs), 0, len(self.labels))
        logits, papers_read, papers = [np.empty(shape, dtype=np.float32)], 0, iter(papers)
        while window := list(islice(papers, WINDOW)):
            texts = [format_paper(*paper, self.config.text_format) for paper in window]
            for index, text in enumerate(texts, start=papers_read):
                if not has_words(text):
                    raise EmptyPaper(index)
            logits.append(self._logits(self._tokenizer.encode_batch_fast(texts)))
            papers_read += len(window)
        return np.concatenate(logits, axis=1)

    def probabilities(self, papers: Iterable[tuple[str, str]]) -> np.ndarray:
        """float32 (papers, labels) from 0 to 1: that a paper works on a task.

        Each label is judged by itself, so a row need not sum to 1. Raises EmptyPaper for a paper without a word.
        """
        return self.both_levels(papers).main

    def both_levels(self, papers: Iterable[tuple[str, str]]) -> Probabilities:
        """The probabilities of both levels. Raises EmptyPaper for a paper without a word."""
        # The sigmoid, in a form that never overflows.
        main, *others = np.exp(-np.logaddexp(np.float32(0), -self.level_logits(papers)))
        return Probabilities(main, others[0] if others else None)

    def predict(self, papers: Iterable[tuple[str, str]], **options: Any) -> list[list[Tag]]:
        """The tasks of each paper, as `rank` orders them; options are those of `rank`. Raises EmptyPaper."""
        return self.rank(self.both_levels(papers), **options)

    def rank(
        self,
        probabilities: Probabilities | np.ndarray,
        top_k: int | None = None,
        threshold: float | None = None,
        merge_duplicates: bool = True,
        hide_artefacts: bool = True,
    ) -> list[list[Tag]]:
        """Tags from the result of `both_levels`, or from one level or row of it: first those of level `MAIN`.

        Within a level, the likeliest tag comes first.

        Args:
            top_k: the most tags for a paper, from those that reach the threshold.
            threshold: from 0 to 1, for every task and level; None takes the model's thresholds.
            merge_duplicates: make one tag of all spellings of a task (`NER`, `named-entity-recognition`). It has the
                canonical name and the greatest probability of the spellings.
            hide_artefacts: leave out names of Papers with Code that are not tasks (`Navigate`).

        Raises ValueError for a threshold, top_k or shape out of range.
        """
        both = probabilities if isinstance(probabilities, Probabilities) else Probabilities(probabilities)
        main = np.atleast_2d(np.asarray(both.main, np.float32))
        fits = None if both.fits is None else np.atleast_2d(np.asarray(both.fits, np.float32))
        for scores in (main, main if fits is None else fits):
            if scores.ndim != 2 or scores.shape[1] != len(self.labels):
                raise ValueError(f"probabilities have shape {scores.shape}, not (papers, {len(self.labels)}).")
        if threshold is not None and not 0 <= threshold <= 1:
            raise ValueError(f"threshold is {threshold}; it must be from 0 to 1.")
        if top_k is not None and top_k < 1:
            raise ValueError(f"top_k is {top_k}; it must be at least 1.")

        names, columns, starts = self._columns(merge_duplicates, hide_artefacts)
        if not names:
            return [[] for _ in main]
        values, reached = self._merged(main, self.thresholds if threshold is None else threshold, columns, starts)
        levels = np.where(reached, 0, len(LEVELS))
        if fits is not None and self.fits_threshold is not None:
            least = self.fits_threshold if threshold is None else threshold
            also, fitting = self._merged(fits, least, columns, starts)
            levels[fitting & ~reached] = 1
            values = np.where(reached, values, also)
        papers, tasks = np.nonzero(levels < len(LEVELS))
        levels, values = levels[papers, tasks], values[papers, tasks]
        order = np.lexsort((-values, levels, papers))
        found = zip(tasks[order].tolist(), values[order].tolist(), levels[order].tolist(), strict=True)
        tags = [Tag(names[task], probability, LEVELS[level]) for task, probability, level in found]
        ends = np.searchsorted(papers, np.arange(len(main) + 1)).tolist()
        return [tags[start:end][:top_k] for start, end in pairwise(ends)]

    def _merged(
        self, scores: np.ndarray, least: np.ndarray | float, columns: np.ndarray, starts: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The greatest score of each name's columns, and whether one of them reaches `least`: both (papers, names)."""
        reached = (scores >= least)[:, columns]
        return (
            np.maximum.reduceat(scores[:, columns], starts, axis=1),
            np.logical_or.reduceat(reached, starts, axis=1),
        )

    def _columns_shown(self, merge: bool, hide: bool) -> tuple[list[str], np.ndarray, np.ndarray]:
        """Names to show, the label columns of all names one after the other, and the start of each name's columns."""
        groups: dict[str, list[int]] = {}
        for column, label in enumerate(self.labels):
            if self._info[label].is_task or not hide:
                groups.setdefault(self._info[label].canonical if merge else label, []).append(column)
        sizes = [len(columns) for columns in groups.values()]
        columns = [column for columns in groups.values() for column in columns]
        return list(groups), np.array(columns, dtype=np.int64), np.cumsum([0, *sizes])[:-1]

    def _logits(self, encodings: list["Encoding"]) -> np.ndarray:
        """float32 (outputs, encodings, labels), with a run of the model for each text.

        In dynamic int8 the texts of a batch and their padding share one scale, so that a text's probabilities would
        depend on the other texts. On a CPU a batch saves almost no time, as one abstract occupies all cores.
        """
        names = [value.name for value in self._session.get_inputs()]

        def run(encoding: "Encoding") -> np.ndarray:
            input_ids = np.array([encoding.ids], dtype=np.int64)
            inputs = {"input_ids": input_ids, "attention_mask": np.ones_like(input_ids)}
            return np.stack(self._session.run(self._outputs, {name: inputs[name] for name in names}))

        # Several threads may run the session at once; it releases Python's lock meanwhile.
        empty = np.empty((len(self._outputs), 0, len(self.labels)), np.float32)
        return np.concatenate([empty, *self._map(run, encodings)], axis=1)


def _runs_of_topics(
    names: dict[tuple[int, ...], tuple[int, ...]], config: ModelConfig
) -> dict[tuple[int, ...], list[str]]:
    """The runs of token ids that name labels which are no tasks, with the canonical names of these labels."""
    info = [config.task_info[label] for label in config.labels]
    topics = {index: label.canonical for index, label in enumerate(info) if not label.is_task}
    found = {run: [topics[index] for index in named if index in topics] for run, named in names.items()}
    return {run: labels for run, labels in found.items() if labels}
