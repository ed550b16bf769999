"""Users who ask a function in place of a server; tests/deployment has the real front ends."""

import itertools

import httpx
import pytest

from paper_tasks.benchmark.load import Answer, FrontEnd, different_papers, simulate_users
from paper_tasks.errors import InputError

PAPERS = [(f"Title {number}", "") for number in range(6)]
# Each user asks at least once, however slow the machine is.
USERS, SECONDS = 3, 0.05


def simulate(ask, papers=PAPERS):
    return simulate_users(FrontEnd((), lambda client, url, paper: ask(paper)), "", USERS, SECONDS, papers)


def right(paper):
    return Answer([{"task": paper[0]}])


def test_every_user_gets_the_answer_to_their_own_question():
    seen = simulate(right)
    assert seen["answered"] == seen["requests"] >= USERS
    assert seen["mixed_up"] == seen["errors"] == seen["asked_to_retry"] == 0
    assert 0 <= seen["p50_ms"] <= seen["p95_ms"]


def test_a_mixed_up_answer_is_noticed():
    calls = itertools.count()
    seen = simulate(lambda paper: right(paper if next(calls) < len(PAPERS) else PAPERS[0]))
    assert 0 < seen["mixed_up"] < seen["answered"]


def test_retries_and_errors_are_counted():
    calls = itertools.count()

    def ask(paper):
        number = next(calls)
        if number < len(PAPERS):
            return right(paper)
        if number % 2:
            raise httpx.ReadTimeout("too slow")
        return Answer(None, 0.01)

    seen = simulate(ask)
    assert seen["answered"] == 0 and seen["p50_ms"] is None
    assert seen["asked_to_retry"] > 0 and seen["errors"] == seen["error_kinds"]["error: ReadTimeout too slow"] > 0


def test_papers_with_the_same_answer_are_refused():
    with pytest.raises(InputError, match="Only 0 papers have an answer of their own"):
        simulate(lambda paper: right(PAPERS[0]))


def test_there_is_another_paper_for_each_label():
    papers = different_papers()
    assert len(papers) == len(set(papers)) == 260
