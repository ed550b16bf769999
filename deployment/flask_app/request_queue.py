"""The line in front of the model: of bounded length, one paper at a time, first come, first served."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from threading import BoundedSemaphore, Lock

import numpy as np

from deployment.common.limits import PLACES
from paper_tasks.errors import EmptyPaper
from paper_tasks.tagger.classifier import TaskClassifier

# A batch of 256 abstracts takes 5 to 8 seconds on two cores.
SECONDS = 30.0
# How many of them may be in line: of more, the last would be late.
BATCHES = 4
_FIRST_PAPER = ("Is the model there?", "")


class Busy(Exception):
    """Nobody can be served now, told in one sentence; worth asking again after `retry_after` seconds."""

    retry_after = 2


class RequestQueue:
    """Asks one classifier for many threads, each answer for the paper that was given.

    A batch stands in line anew for each of its papers, so that it keeps nobody waiting longer than one paper does; and
    batches, of which a few may wait, come one after the other, or they would all be late together.
    """

    def __init__(self, classifier: TaskClassifier, places: int = PLACES, seconds: float = SECONDS) -> None:
        """`places` is how many requests may be in line, the one being answered included; `seconds`, how long each."""
        self._classifier = classifier
        self._places = BoundedSemaphore(places)
        self._seconds = seconds
        self._batches, self._batch = BoundedSemaphore(BATCHES), Lock()
        # One paper fills all cores already. A pool of one thread is a queue in the order of arrival.
        self._model = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
        self._first_answer = self._model.submit(classifier.probabilities, [_FIRST_PAPER])

    @property
    def ready(self) -> bool:
        """Whether the model has answered its first paper."""
        return self._first_answer.done() and self._first_answer.exception() is None

    def probabilities(
        self, papers: Sequence[tuple[str, str]], abandoned: Callable[[], bool] = lambda: False
    ) -> np.ndarray:
        """float32 (papers, labels) from 0 to 1, for at least one (title, abstract) pair.

        Raises Busy where the line is full, the time is over, or `abandoned` says before a paper that nobody waits any
        more; and EmptyPaper for a paper without a word.
        """
        deadline = time.monotonic() + self._seconds
        with _place(self._places), self._turn(deadline) if len(papers) > 1 else nullcontext():
            answers = []
            for place, paper in enumerate(papers):
                if abandoned():
                    raise Busy("Who asked this has gone.")
                answers.append(self._ask(place, paper, deadline))
            return np.concatenate(answers)

    @contextmanager
    def _turn(self, deadline: float) -> Iterator[None]:
        """Of one batch."""
        with _place(self._batches):
            if not self._batch.acquire(timeout=max(0.0, deadline - time.monotonic())):
                raise self._late()
            try:
                yield
            finally:
                self._batch.release()

    def _late(self) -> Busy:
        return Busy(
            f"The answer was not ready in {self._seconds:g} seconds: send fewer papers at once, or try again later."
        )

    def _ask(self, place: int, paper: tuple[str, str], deadline: float) -> np.ndarray:
        try:
            answer = self._model.submit(self._classifier.probabilities, [paper])
        except RuntimeError:  # of a pool that has been shut down
            raise Busy("This server is about to end: try again in a moment.") from None
        try:
            return answer.result(timeout=max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            answer.cancel()
            raise self._late() from None
        except EmptyPaper:
            raise EmptyPaper(place) from None


@contextmanager
def _place(places: BoundedSemaphore) -> Iterator[None]:
    if not places.acquire(blocking=False):
        raise Busy("Too many people are asking at once: try again in a moment.")
    try:
        yield
    finally:
        places.release()
