import json

import pytest

from paper_tasks.paths import JSON_FILES
from scrapers.sources.spam import is_spam_name, is_spam_title


@pytest.mark.parametrize(
    "title",
    [
        "How do I speak to a live person at Acme Airlines?",
        "Can I get a full refund from Acme?",
        "Acme support +1-888-555-0100",
        "[[Helpline]] What is the Acme customer service number?",
        "Acme® toll-free",
        "1 (888) 555 0100",
        "Acme Airlines™ Cancellation Policy",
    ],
)
def test_advertisements(title):
    assert is_spam_title(title)


@pytest.mark.parametrize(
    "title",
    [
        "Attention Is All You Need",
        "How do transformers learn?",
        "Customer Service Dialogue with Large Language Models",
        "Intent Detection for Airline Customer Support",
        "Predicting airline ticket prices",
        "Can neural networks count to 100,000,000?",
        "A 2020 study: 10.48550 things",
    ],
)
def test_papers(title):
    assert not is_spam_title(title)


@pytest.mark.parametrize(
    "name",
    [
        "Acme Airlines Refund",
        "☎ Acme",
        "call now",
        "+1 888 555 0100",
        "x" * 121,
        "**How to cancel**",
        "Acme Helpline Number",
    ],
)
def test_names_that_are_spam(name):
    assert is_spam_name(name)


def test_no_task_of_the_original_is_spam():
    counts = json.loads((JSON_FILES / "task_counts.json").read_text(encoding="utf-8"))
    assert len(counts) > 2000 and [name for name in counts if is_spam_name(name)] == []
