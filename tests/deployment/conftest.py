import pytest
from playwright.sync_api import sync_playwright

from deployment.classifier import TaskClassifier
from tests.deployment.chromium import CHROMIUM


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
