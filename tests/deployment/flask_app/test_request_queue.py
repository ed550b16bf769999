"""The queue alone, before a classifier that answers when a test lets it."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import monotonic, sleep

import numpy as np
import pytest

from deployment.flask_app.request_queue import BATCHES, Busy, RequestQueue
from paper_tasks.errors import EmptyPaper
from paper_tasks.tagger.classifier import Probabilities
from tests.stub import StubClassifier


class Clerk:
    """Answers a paper with the number in its title, once `open` is set, and remembers the order of work."""

    def __init__(self):
        self.open, self.done = Event(), []

    def both_levels(self, papers):
        assert self.open.wait(10)
        ((title, _),) = papers
        self.done.append(title)
        if not title:
            raise EmptyPaper(0)
        return Probabilities(np.array([[float(title)]]) if title.isdigit() else np.zeros((1, 1)))


@pytest.fixture
def clerk():
    clerk = Clerk()
    yield clerk
    clerk.open.set()


@pytest.fixture
def crowd():
    with ThreadPoolExecutor(16) as crowd:
        yield crowd


def papers(*numbers):
    return [(str(number), "") for number in numbers]


def wait_for(condition):
    deadline = monotonic() + 10
    while not condition():
        assert monotonic() < deadline
        sleep(0.01)


def test_it_is_ready_when_the_model_has_answered(clerk):
    queue = RequestQueue(clerk)
    assert not queue.ready
    clerk.open.set()
    wait_for(lambda: queue.ready)


def test_a_model_that_fails_is_not_ready():
    class Broken:
        def both_levels(self, papers):
            raise RuntimeError("no")

    queue = RequestQueue(Broken())
    wait_for(queue._first_answer.done)
    assert not queue.ready
    with pytest.raises(RuntimeError):
        queue.probabilities(papers(1))


def test_answers_keep_the_order_of_a_batch(clerk):
    clerk.open.set()
    assert RequestQueue(clerk).probabilities(papers(3, 1, 2)).main.tolist() == [[3], [1], [2]]


@pytest.mark.parametrize("fits_threshold", [None, 0.5], ids=["one level", "two levels"])
def test_a_batch_has_the_levels_of_its_papers(fits_threshold):
    stub = StubClassifier(fits_threshold=fits_threshold)
    found, expected = RequestQueue(stub).probabilities(papers(3, 1, 2)), stub.both_levels(papers(3, 1, 2))
    np.testing.assert_array_equal(found.main, expected.main)
    np.testing.assert_array_equal(found.fits, expected.fits)


def test_a_full_queue_refuses_at_once(clerk, crowd):
    queue = RequestQueue(clerk, size=2)
    first = [crowd.submit(queue.probabilities, papers(number)) for number in (1, 2)]
    wait_for(lambda: queue._free_slots._value == 0)
    with pytest.raises(Busy, match="try again"):
        queue.probabilities(papers(3))
    clerk.open.set()
    assert [answer.result(10).main.tolist() for answer in first] == [[[1]], [[2]]]
    assert queue.probabilities(papers(3)).main.tolist() == [[3]]


def test_a_request_that_waits_too_long_is_refused_and_leaves_the_queue(clerk):
    queue = RequestQueue(clerk, size=1, seconds=0.1)
    with pytest.raises(Busy, match=r"0\.1 seconds"):
        queue.probabilities(papers(1))
    clerk.open.set()
    wait_for(lambda: queue.ready)
    assert queue.probabilities(papers(2)).main.tolist() == [[2]]
    assert "1" not in clerk.done


def test_a_batch_lets_others_in_between_its_papers(clerk, crowd):
    queue = RequestQueue(clerk)
    batch = crowd.submit(queue.probabilities, papers(*range(100, 150)))
    wait_for(lambda: queue._model._work_queue.qsize() == 1)
    single = crowd.submit(queue.probabilities, papers(7))
    wait_for(lambda: queue._model._work_queue.qsize() == 2)
    clerk.open.set()
    assert single.result(10).main.tolist() == [[7]] and len(batch.result(10).main) == 50
    assert clerk.done.index("7") == 2


def test_batches_do_not_take_all_slots(clerk, crowd):
    queue = RequestQueue(clerk)
    batches = [crowd.submit(queue.probabilities, papers(1, 2)) for _ in range(BATCHES)]
    wait_for(lambda: queue._free_batch_slots._value == 0)
    with pytest.raises(Busy, match="try again"):
        queue.probabilities(papers(3, 4))
    single = crowd.submit(queue.probabilities, papers(7))
    clerk.open.set()
    assert single.result(10).main.tolist() == [[7]] and all(len(batch.result(10).main) == 2 for batch in batches)
    assert queue.probabilities(papers(3, 4)).main.tolist() == [[3], [4]]


def test_a_batch_ends_when_nobody_waits_for_it(clerk):
    clerk.open.set()
    queue = RequestQueue(clerk)
    with pytest.raises(Busy, match="gone"):
        queue.probabilities(papers(1, 2, 3, 4), abandoned=lambda: "2" in clerk.done)
    assert clerk.done[1:] == ["1", "2"] and queue.probabilities(papers(5, 6)).main.tolist() == [[5], [6]]


def test_a_request_at_the_end_of_the_program_is_refused(clerk):
    queue = RequestQueue(clerk)
    queue._model.shutdown(wait=False)
    with pytest.raises(Busy, match="about to end"):
        queue.probabilities(papers(1))


def test_many_batches_at_once_are_answered_while_there_is_time(crowd):
    class Slow:
        def both_levels(self, papers):
            sleep(0.005)
            return Probabilities(np.zeros((1, 1)))

    queue = RequestQueue(Slow(), seconds=0.5)
    # Each takes 0.1 seconds by itself; all at once would be late together.
    batches = [crowd.submit(queue.probabilities, papers(*range(20))) for _ in range(12)]
    late = [batch.exception(10) for batch in batches]
    assert 2 <= late.count(None) < 12 and all(isinstance(error, Busy) for error in late if error)


def test_an_empty_paper_is_named_by_its_index_and_frees_its_slot(clerk):
    clerk.open.set()
    queue = RequestQueue(clerk, size=1)
    for _ in range(3):
        with pytest.raises(EmptyPaper) as caught:
            queue.probabilities([("1", ""), ("", ""), ("2", "")])
        assert caught.value.index == 1
