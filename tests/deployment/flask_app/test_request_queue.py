"""The line alone, before a classifier that answers when it is told to."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import monotonic, sleep

import numpy as np
import pytest

from deployment.flask_app.request_queue import BATCHES, Busy, RequestQueue
from paper_tasks.errors import EmptyPaper


class Clerk:
    """Answers a paper with the number in its title, once `open` is set, and remembers the order of work."""

    def __init__(self):
        self.open, self.done = Event(), []

    def probabilities(self, papers):
        assert self.open.wait(10)
        ((title, _),) = papers
        self.done.append(title)
        if not title:
            raise EmptyPaper(0)
        return np.array([[float(title)]]) if title.isdigit() else np.zeros((1, 1))


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
    line = RequestQueue(clerk)
    assert not line.ready
    clerk.open.set()
    wait_for(lambda: line.ready)


def test_a_model_that_fails_is_not_ready():
    class Broken:
        def probabilities(self, papers):
            raise RuntimeError("no")

    line = RequestQueue(Broken())
    wait_for(line._first_answer.done)
    assert not line.ready
    with pytest.raises(RuntimeError):
        line.probabilities(papers(1))


def test_answers_keep_the_order_of_a_batch(clerk):
    clerk.open.set()
    assert RequestQueue(clerk).probabilities(papers(3, 1, 2)).tolist() == [[3], [1], [2]]


def test_who_finds_the_line_full_is_told_at_once(clerk, crowd):
    line = RequestQueue(clerk, places=2)
    first = [crowd.submit(line.probabilities, papers(number)) for number in (1, 2)]
    wait_for(lambda: line._places._value == 0)
    with pytest.raises(Busy, match="try again"):
        line.probabilities(papers(3))
    clerk.open.set()
    assert [answer.result(10).tolist() for answer in first] == [[[1]], [[2]]]
    assert line.probabilities(papers(3)).tolist() == [[3]]


def test_who_waits_too_long_is_told_and_leaves_the_line(clerk):
    line = RequestQueue(clerk, places=1, seconds=0.1)
    with pytest.raises(Busy, match=r"0\.1 seconds"):
        line.probabilities(papers(1))
    clerk.open.set()
    wait_for(lambda: line.ready)
    assert line.probabilities(papers(2)).tolist() == [[2]]
    assert "1" not in clerk.done


def test_a_batch_lets_others_in_between_its_papers(clerk, crowd):
    line = RequestQueue(clerk)
    batch = crowd.submit(line.probabilities, papers(*range(100, 150)))
    wait_for(lambda: line._model._work_queue.qsize() == 1)
    single = crowd.submit(line.probabilities, papers(7))
    wait_for(lambda: line._model._work_queue.qsize() == 2)
    clerk.open.set()
    assert single.result(10).tolist() == [[7]] and len(batch.result(10)) == 50
    assert clerk.done.index("7") == 2


def test_batches_do_not_take_all_places(clerk, crowd):
    line = RequestQueue(clerk)
    batches = [crowd.submit(line.probabilities, papers(1, 2)) for _ in range(BATCHES)]
    wait_for(lambda: line._batches._value == 0)
    with pytest.raises(Busy, match="try again"):
        line.probabilities(papers(3, 4))
    single = crowd.submit(line.probabilities, papers(7))
    clerk.open.set()
    assert single.result(10).tolist() == [[7]] and all(len(batch.result(10)) == 2 for batch in batches)
    assert line.probabilities(papers(3, 4)).tolist() == [[3], [4]]


def test_a_batch_ends_when_nobody_waits_for_it(clerk):
    clerk.open.set()
    line = RequestQueue(clerk)
    with pytest.raises(Busy, match="gone"):
        line.probabilities(papers(1, 2, 3, 4), abandoned=lambda: "2" in clerk.done)
    assert clerk.done[1:] == ["1", "2"] and line.probabilities(papers(5, 6)).tolist() == [[5], [6]]


def test_who_asks_while_the_program_ends_is_told(clerk):
    line = RequestQueue(clerk)
    line._model.shutdown(wait=False)
    with pytest.raises(Busy, match="about to end"):
        line.probabilities(papers(1))


def test_many_batches_at_once_are_answered_as_far_as_the_time_goes(crowd):
    class Slow:
        def probabilities(self, papers):
            sleep(0.005)
            return np.zeros((1, 1))

    line = RequestQueue(Slow(), seconds=0.5)
    # Each takes 0.1 seconds by itself; all at once would be late together.
    batches = [crowd.submit(line.probabilities, papers(*range(20))) for _ in range(12)]
    late = [batch.exception(10) for batch in batches]
    assert 2 <= late.count(None) < 12 and all(isinstance(error, Busy) for error in late if error)


def test_an_empty_paper_is_told_by_its_place_and_frees_it(clerk):
    clerk.open.set()
    line = RequestQueue(clerk, places=1)
    for _ in range(3):
        with pytest.raises(EmptyPaper) as caught:
            line.probabilities([("1", ""), ("", ""), ("2", "")])
        assert caught.value.index == 1
