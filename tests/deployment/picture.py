"""Takes the README's picture of the app: `python -m tests.deployment.picture`."""

from pathlib import Path

from playwright.sync_api import sync_playwright

from deployment.app import serve
from deployment.classifier import TaskClassifier
from tests.deployment.test_app import free_port
from tests.deployment.test_page import CHROMIUM

PATH = Path(__file__).parents[2] / "deployment" / "screenshot.png"


def take() -> None:
    """Opens the app, clicks an example, and saves what is seen."""
    port = free_port()
    blocks = serve(TaskClassifier.load(), "127.0.0.1", port, wait=False)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1200, "height": 640})
        page.goto(f"http://127.0.0.1:{port}")
        page.get_by_text("A language few speak").first.click()
        page.locator("#tags .task").first.wait_for()
        page.wait_for_timeout(1000)
        page.screenshot(path=PATH)
        chromium.close()
    blocks.close(verbose=False)


if __name__ == "__main__":
    take()
