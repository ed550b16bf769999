"""Takes the README's picture of the app: `python -m tests.deployment.picture`.

`python -m tests.deployment.picture FOLDER` takes one of each view, on a desk and a phone, light and dark, to look at.
"""

import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from deployment.app import serve
from deployment.classifier import TaskClassifier
from tests.deployment.chromium import CHROMIUM
from tests.deployment.test_app import free_port

PATH = Path(__file__).parents[2] / "deployment" / "screenshot.png"
SCREENS = {"desktop": (1200, 1000), "phone": (390, 844)}


def one_paper(page: Page) -> None:
    """An example's tasks, and the reasons for the first."""
    page.get_by_text("A language few speak").first.click()
    page.locator("#tags button").first.click()
    page.locator("#reasons mark").first.wait_for()
    page.evaluate("window.scrollTo(0, 0)")


def many_papers(page: Page) -> None:
    """A small file, with broken rows, tagged."""
    titles = ["Faster pedestrian detection", "Speech recognition on a bus", "Question answering over tables"]
    lines = ["title,abstract", *(f"{title},We show how." for title in titles * 4), " , ", 'a,"b']
    file = {"name": "papers.csv", "mimeType": "text/csv", "buffer": "\n".join(lines).encode()}
    page.get_by_role("tab", name="Many papers").click()
    page.locator("#upload input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Tag them all").click()
    page.locator("#report .counts").wait_for()


def about(page: Page) -> None:
    """The About tab."""
    page.get_by_role("tab", name="About").click()
    page.get_by_role("cell", name="micro f1").wait_for()


def take(folder: Path | None) -> None:
    """Opens the app, and saves what is seen."""
    port = free_port()
    blocks = serve(TaskClassifier.load(), "127.0.0.1", port, wait=False)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        shots = (
            [(one_paper, "desktop", "light", PATH)]
            if folder is None
            else [
                (view, screen, theme, folder / f"{view.__name__}_{screen}_{theme}.png")
                for view in (one_paper, many_papers, about)
                for screen in SCREENS
                for theme in ("light", "dark")
            ]
        )
        for view, screen, theme, path in shots:
            width, height = SCREENS[screen]
            page = chromium.new_page(viewport={"width": width, "height": height})
            page.set_default_timeout(120_000)
            page.goto(f"http://127.0.0.1:{port}/?__theme={theme}")
            view(page)
            page.wait_for_timeout(1500)
            path.parent.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=path, full_page=folder is not None)
            page.close()
        chromium.close()
    blocks.close(verbose=False)


if __name__ == "__main__":
    take(Path(sys.argv[1]) if sys.argv[1:] else None)
