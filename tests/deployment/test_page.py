"""The page in a real browser: headless Chromium."""

import os
import shutil
from urllib.parse import urlparse

import pytest
from playwright.sync_api import expect, sync_playwright

from deployment.app import serve
from deployment.classifier import TaskClassifier
from tests.deployment.test_app import free_port

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None and "REQUIRE_CHROMIUM" not in os.environ,
        reason="no Chromium on this machine: install the package chromium to run the browser tests",
    ),
]


@pytest.fixture(scope="module")
def url():
    port = free_port()
    blocks = serve(TaskClassifier.load(), "127.0.0.1", port, wait=False)
    yield f"http://127.0.0.1:{port}"
    blocks.close(verbose=False)


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(params=[(1280, 860), (390, 844)], ids=["desktop", "phone"])
def page(request, browser, url):
    width, height = request.param
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    hosts = set()
    page.on("request", lambda request: hosts.add(urlparse(request.url).hostname))
    page.goto(url)
    page.hosts = hosts
    yield page
    page.close()


def test_a_first_visit(page):
    page.get_by_label("Title").fill("Faster pedestrian detection at night")
    page.get_by_label("Abstract").fill("A pedestrian detector for thermal cameras.")
    page.get_by_role("button", name="Find its tasks").click()
    tasks = page.locator("#tags .task")
    expect(tasks.filter(has_text="Pedestrian Detection").first).to_be_visible()
    shown = tasks.count()

    slider = page.get_by_role("slider")
    slider.focus()
    slider.press("Home")
    expect(page.locator("#tags .task").nth(shown)).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#tags")).to_contain_text("The tasks appear here")
    expect(page.get_by_label("Title")).to_have_value("")


def test_an_example_is_tagged_at_a_click(page):
    page.get_by_text("Street scenes").first.click()
    expect(page.locator("#tags .task").first).to_be_visible()
    expect(page.get_by_label("Abstract")).not_to_have_value("")


def test_nothing_to_read_is_told(page):
    page.get_by_role("button", name="Find its tasks").click()
    expect(page.get_by_text("There is nothing to read")).to_be_visible()


def test_about_tells_of_distant_labels(page):
    page.get_by_role("tab", name="About").click()
    expect(page.get_by_text("Distant labels").first).to_be_visible()
    expect(page.get_by_role("cell", name="micro f1")).to_be_visible()


def test_nothing_is_fetched_from_elsewhere_and_nothing_overflows(page):
    page.get_by_text("Molecules").first.click()
    expect(page.locator("#tags .task").first).to_be_visible()
    assert page.hosts <= {"127.0.0.1", None}
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
