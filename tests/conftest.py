import signal

import pytest
from playwright.sync_api import sync_playwright

from paper_tasks.tagger.classifier import TaskClassifier
from tools.chromium import CHROMIUM

# A shell that runs the suite in the background has it ignore Ctrl-C, and so would the programs that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def classifier():
    """The bundled model."""
    return TaskClassifier.load()


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()
