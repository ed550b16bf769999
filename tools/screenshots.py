"""Takes the pictures of the apps that the documents show: `python -m tools.screenshots`.

`python -m tools.screenshots FOLDER` takes a picture of each view instead, on a desktop and a phone, light and dark.
"""

import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Literal, NamedTuple

from PIL import Image
from playwright.sync_api import FilePayload, Page, sync_playwright

from deployment.flask_app.server import create_server
from deployment.flask_app.views import create_app
from deployment.gradio_app.server import serve
from paper_tasks.export.local_server import HOST, free_port
from paper_tasks.tagger.classifier import TaskClassifier
from tools.chromium import CHROMIUM

FOLDER = Path(__file__).parents[1] / "deployment" / "screenshots"
MOST_BYTES = 250_000
SCREENS = {"desktop": (1200, 1000), "phone": (390, 844)}
Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")


class Shot(NamedTuple):
    """A view of an app, its screen and theme, and whether the picture goes on below the edge of the screen."""

    view: Callable[[Page], None]
    screen: str
    theme: Theme
    full: bool = True


def one_paper(page: Page) -> None:
    """The tasks of an example, and the reasons for the first task."""
    page.get_by_text("A language few speak").first.click()
    page.locator("#tags button").first.click()
    page.locator("#reasons mark").first.wait_for()
    page.evaluate("window.scrollTo(0, 0)")


def many_papers(page: Page) -> None:
    """The tasks of a small file, which has broken rows."""
    papers = {
        "Faster pedestrian detection": 5,
        "Speech recognition on a bus": 3,
        "Question answering over tables": 2,
        "Machine translation for sailors": 1,
    }
    titles = [title for title, times in papers.items() for _ in range(times)]
    lines = ["title,abstract", *(f"{title},We show how." for title in titles), " , ", 'a,"b']
    file = FilePayload(name="papers.csv", mimeType="text/csv", buffer="\n".join(lines).encode())
    page.get_by_role("tab", name="Many papers").click()
    page.locator("#upload input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Tag them all").click()
    page.locator("#report .counts").wait_for()


def about(page: Page) -> None:
    """The About tab, with the model's card open."""
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
DOCUMENTED = (
    Shot(one_paper, "desktop", "light", full=False),
    Shot(many_papers, "desktop", "light"),
    Shot(web_page, "phone", "dark"),
)


def take(shots: dict[Path, Shot]) -> None:
    """Starts both apps, and saves each picture, in 256 colors."""
    classifier, gradio_port, flask_port = TaskClassifier.load(), free_port(), free_port()
    blocks = serve(classifier, HOST, gradio_port)
    server = create_server(create_app(classifier), HOST, flask_port)
    Thread(target=server.run, daemon=True).start()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for path, (view, screen, theme, full) in shots.items():
            width, height = SCREENS[screen]
            page = chromium.new_page(viewport={"width": width, "height": height}, color_scheme=theme)
            page.set_default_timeout(120_000)
            address = f"{flask_port}/" if view is web_page else f"{gradio_port}/?__theme={theme}"
            page.goto(f"http://{HOST}:{address}")
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
    """Takes the pictures of the documents, or one of each view into the folder that the arguments name."""
    if sys.argv[1:]:
        every = [Shot(view, screen, theme) for view in VIEWS for screen in SCREENS for theme in THEMES]
        take({Path(sys.argv[1]) / f"{shot.view.__name__}_{shot.screen}_{shot.theme}.png": shot for shot in every})
    else:
        take({FOLDER / f"{shot.view.__name__}.png": shot for shot in DOCUMENTED})


if __name__ == "__main__":
    main()
