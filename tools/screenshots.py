"""Takes the README's pictures of the apps: `python -m tools.screenshots`.

`python -m tools.screenshots FOLDER` takes one of each view, on a desk and a phone, light and dark, to look at.
"""

import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from deployment.app import serve
from deployment.web import create_app, create_server
from paper_tasks.export.local_server import free_port
from paper_tasks.tagger.classifier import TaskClassifier
from tools.chromium import CHROMIUM

FOLDER = Path(__file__).parents[1] / "deployment" / "screenshots"
MOST_BYTES = 250_000
SCREENS = {"desktop": (1200, 1000), "phone": (390, 844)}
THEMES = ("light", "dark")


class Shot(NamedTuple):
    """A view, the screen and theme it is seen in, and whether below the screen's edge too."""

    view: Callable[[Page], None]
    screen: str
    theme: str
    full: bool = True


def one_paper(page: Page) -> None:
    """An example's tasks, and the reasons for the first."""
    page.get_by_text("A language few speak").first.click()
    page.locator("#tags button").first.click()
    page.locator("#reasons mark").first.wait_for()
    page.evaluate("window.scrollTo(0, 0)")


def many_papers(page: Page) -> None:
    """A small file, with broken rows, tagged."""
    papers = {
        "Faster pedestrian detection": 5,
        "Speech recognition on a bus": 3,
        "Question answering over tables": 2,
        "Machine translation for sailors": 1,
    }
    titles = [title for title, times in papers.items() for _ in range(times)]
    lines = ["title,abstract", *(f"{title},We show how." for title in titles), " , ", 'a,"b']
    file = {"name": "papers.csv", "mimeType": "text/csv", "buffer": "\n".join(lines).encode()}
    page.get_by_role("tab", name="Many papers").click()
    page.locator("#upload input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Tag them all").click()
    page.locator("#report .counts").wait_for()


def about(page: Page) -> None:
    """The About tab."""
    page.get_by_role("tab", name="About").click()
    page.get_by_role("cell", name="micro f1").wait_for()
    page.get_by_role("button", name="The model's card").click()
    page.get_by_role("heading", name="Intended use").wait_for()


def web_page(page: Page) -> None:
    """The Flask page, with the tasks of an example."""
    page.get_by_role("link", name="A language few speak").click()
    page.locator(".percent").first.wait_for()
    page.evaluate("window.scrollTo(0, 0)")


VIEWS = (one_paper, many_papers, about, web_page)
README = (
    Shot(one_paper, "desktop", "light", full=False),
    Shot(many_papers, "desktop", "light"),
    Shot(web_page, "phone", "dark"),
)


def take(shots: dict[Path, Shot]) -> None:
    """Opens both apps, and saves each picture, in 256 colors."""
    classifier, port = TaskClassifier.load(), free_port()
    blocks = serve(classifier, "127.0.0.1", port, wait=False)
    server = create_server(create_app(classifier), "127.0.0.1", 0)
    Thread(target=server.run, daemon=True).start()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for path, (view, screen, theme, full) in shots.items():
            width, height = SCREENS[screen]
            page = chromium.new_page(viewport={"width": width, "height": height}, color_scheme=theme)
            page.set_default_timeout(120_000)
            door = server.effective_port if view is web_page else port
            page.goto(f"http://127.0.0.1:{door}/{'' if view is web_page else f'?__theme={theme}'}")
            view(page)
            page.wait_for_timeout(1500)
            path.parent.mkdir(parents=True, exist_ok=True)
            picture = Image.open(BytesIO(page.screenshot(full_page=full)))
            picture.convert("RGB").quantize(256).save(path, optimize=True)
            page.close()
        chromium.close()
    server.close()
    blocks.close(verbose=False)


def main() -> None:
    """The README's pictures, or one of each view into a folder."""
    if sys.argv[1:]:
        every = [Shot(view, screen, theme) for view in VIEWS for screen in SCREENS for theme in THEMES]
        take({Path(sys.argv[1]) / f"{shot.view.__name__}_{shot.screen}_{shot.theme}.png": shot for shot in every})
    else:
        take({FOLDER / f"{shot.view.__name__}.png": shot for shot in README})


if __name__ == "__main__":
    main()
