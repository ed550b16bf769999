"""The queue before the model: of limited length, one paper at a time, first come, first served."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from threading import BoundedSemaphore, Lock

import numpy as np

from deployment.common.limits import QUEUE_SIZE
from paper_tasks.errors import EmptyPaper
from paper_tasks.tagger.classifier import Probabilities, TaskClassifier

# A request may take so long. A batch of 256 abstracts takes 5 to 8 seconds on two cores.
SECONDS = 30.0
# Batches that may be in the queue; the last of more would be late.
BATCHES = 4
_FIRST_PAPER = ("Is the model there?", "")


class Busy(Exception):
    """Nobody can be served now, in one sentence; a client may ask again after `retry_after` seconds."""

    retry_after = 2


class RequestQueue:
    """Asks one classifier for many threads, each answer for the paper that was given.

    A batch joins the queue anew for each of its papers, so that others wait for one paper of it at most. A few batches
    may wait. They are answered one after the other; all at once, they would all be late.
    """

    def __init__(self, classifier: TaskClassifier, size: int = QUEUE_SIZE, seconds: float = SECONDS) -> None:
        """`size` is the number of requests in the queue, with the one being answered; `seconds` the time for each."""
        self._classifier = classifier
        self._free_slots = BoundedSemaphore(size)
        self._seconds = seconds
        self._free_batch_slots, self._batch_turn = BoundedSemaphore(BATCHES), Lock()
        # One paper uses all cores already. A pool with one thread works in the order of arrival.
        self._model = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
        self._first_answer = self._model.submit(classifier.both_levels, [_FIRST_PAPER])

    @property
    def ready(self) -> bool:
        """Whether the model has answered its first paper."""
        return self._first_answer.done() and self._first_answer.exception() is None

    def probabilities(
        self, papers: Sequence[tuple[str, str]], abandoned: Callable[[], bool] = lambda: False
    ) -> Probabilities:
        """The probabilities of both levels, for at least one (title, abstract) pair.

        `abandoned` is asked before each paper whether the client has gone. Raises Busy if it has, if the queue is
        full, or if the time is over; and EmptyPaper for a paper without a word.
        """
        deadline = time.monotonic() + self._seconds
        with _slot(self._free_slots), self._batch(deadline) if len(papers) > 1 else nullcontext():
            answers = []
            for index, paper in enumerate(papers):
                if abandoned():
                    raise Busy("The client has gone.")
                answers.append(self._ask(index, paper, deadline))
            fits = [answer.fits for answer in answers if answer.fits is not None]
            main = np.concatenate([answer.main for answer in answers])
            return Probabilities(main, np.concatenate(fits) if fits else None)

    @contextmanager
    def _batch(self, deadline: float) -> Iterator[None]:
        """Waits for the turn of a batch."""
        with _slot(self._free_batch_slots):
            if not self._batch_turn.acquire(timeout=max(0.0, deadline - time.monotonic())):
                raise self._late()
            try:
                yield
            finally:
                self._batch_turn.release()

    def _late(self) -> Busy:
        return Busy(
            f"The answer was not ready in {self._seconds:g} seconds: send fewer papers at once, or try again later."
        )

    def _ask(self, index: int, paper: tuple[str, str], deadline: float) -> Probabilities:
        try:
            answer = self._model.submit(self._classifier.both_levels, [paper])
        except RuntimeError:  # from a pool that has been shut down
            raise Busy("This server is about to end: try again in a moment.") from None
        try:
            return answer.result(timeout=max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            answer.cancel()
            raise self._late() from None
        except EmptyPaper:
            raise EmptyPaper(index) from None


@contextmanager
def _slot(free: BoundedSemaphore) -> Iterator[None]:
    if not free.acquire(blocking=False):
        raise Busy("Too many people are asking at once: try again in a moment.")
    try:
        yield
    finally:
        free.release()
