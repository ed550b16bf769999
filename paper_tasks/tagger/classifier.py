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


class Tag(NamedTuple):
    """A task, and the probability (0 to 1) that the paper works on it."""

    task: str
    probability: float


class TaskClassifier:
    """An exported model and its tokenizer. `TaskClassifier.load()` gives one.

    Attributes:
        labels: task names in the order of the vocabulary, which is the order of the last axis of every array.
        thresholds: float32 (labels,), the probability from which the model names each task.
        default_threshold: one threshold for all tasks, for a control that moves a single number.
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
        """Tags as both front ends answer them: {"task", "probability" (0 to 1, four digits), "area"}."""
        return [
            {"task": task, "probability": round(probability, 4), "area": self.area(task)} for task, probability in tags
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

    def logits(self, papers: Iterable[tuple[str, str]]) -> np.ndarray:
        """float32 (papers, labels) for (title, abstract) pairs, in their order; a generator is read once.

        Raises EmptyPaper for a paper without a word.
        """
        logits, papers_read, papers = [np.empty((0, len(self.labels)), dtype=np.float32)], 0, iter(papers)
        while window := list(islice(papers, WINDOW)):
            texts = [format_paper(*paper, self.config.text_format) for paper in window]
            for index, text in enumerate(texts, start=papers_read):
                if not has_words(text):
                    raise EmptyPaper(index)
            logits.append(self._logits(self._tokenizer.encode_batch_fast(texts)))
            papers_read += len(window)
        return np.concatenate(logits)

    def probabilities(self, papers: Iterable[tuple[str, str]]) -> np.ndarray:
        """float32 (papers, labels) from 0 to 1. Each label is judged by itself, so a row need not sum to 1.

        Raises EmptyPaper for a paper without a word.
        """
        # The sigmoid, in a form that never overflows.
        probabilities: np.ndarray = np.exp(-np.logaddexp(np.float32(0), -self.logits(papers)))
        return probabilities

    def predict(self, papers: Iterable[tuple[str, str]], **options: Any) -> list[list[Tag]]:
        """The tasks of each paper, likeliest first; options are those of `rank`. Raises EmptyPaper."""
        return self.rank(self.probabilities(papers), **options)

    def rank(
        self,
        probabilities: np.ndarray,
        top_k: int | None = None,
        threshold: float | None = None,
        merge_duplicates: bool = True,
        hide_artefacts: bool = True,
    ) -> list[list[Tag]]:
        """Tags, likeliest first, from the result of `probabilities` (papers, labels), or from one row of it.

        Args:
            top_k: the most tags for a paper, from those that reach the threshold.
            threshold: from 0 to 1, for every task; None takes the model's threshold of each task.
            merge_duplicates: make one tag of all spellings of a task (`NER`, `named-entity-recognition`). It has the
                canonical name and the greatest probability of the spellings.
            hide_artefacts: leave out names of Papers with Code that are not tasks (`Navigate`).

        Raises ValueError for a threshold, top_k or shape out of range.
        """
        scores = np.atleast_2d(np.asarray(probabilities, dtype=np.float32))
        if scores.ndim != 2 or scores.shape[1] != len(self.labels):
            raise ValueError(f"probabilities have shape {scores.shape}, not (papers, {len(self.labels)}).")
        if threshold is not None and not 0 <= threshold <= 1:
            raise ValueError(f"threshold is {threshold}; it must be from 0 to 1.")
        if top_k is not None and top_k < 1:
            raise ValueError(f"top_k is {top_k}; it must be at least 1.")

        names, columns, starts = self._columns(merge_duplicates, hide_artefacts)
        if not names:
            return [[] for _ in scores]
        scores = scores[:, columns]
        reached = scores >= (self.thresholds[columns] if threshold is None else threshold)
        scores = np.maximum.reduceat(scores, starts, axis=1)
        papers, tasks = np.nonzero(np.logical_or.reduceat(reached, starts, axis=1))
        values = scores[papers, tasks]
        order = np.lexsort((-values, papers))
        pairs = zip(tasks[order].tolist(), values[order].tolist(), strict=True)
        tags = [Tag(names[task], probability) for task, probability in pairs]
        ends = np.searchsorted(papers, np.arange(len(scores) + 1)).tolist()
        return [tags[start:end][:top_k] for start, end in pairwise(ends)]

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
        """float32 (encodings, labels), with a run of the model for each text.

        In dynamic int8 the texts of a batch and their padding share one scale, so that a text's probabilities would
        depend on the other texts. On a CPU a batch saves almost no time, as one abstract occupies all cores.
        """
        names = [value.name for value in self._session.get_inputs()]

        def run(encoding: "Encoding") -> np.ndarray:
            input_ids = np.array([encoding.ids], dtype=np.int64)
            inputs = {"input_ids": input_ids, "attention_mask": np.ones_like(input_ids)}
            logits: np.ndarray = self._session.run(["logits"], {name: inputs[name] for name in names})[0]
            return logits

        # Several threads may run the session at once; it releases Python's lock meanwhile.
        return np.concatenate([np.empty((0, len(self.labels)), np.float32), *self._map(run, encodings)])
