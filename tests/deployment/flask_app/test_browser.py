"""The Flask page in a real browser: headless Chromium, wide and narrow, light and dark."""

import re
from threading import Thread
from urllib.parse import urlparse

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from deployment.flask_app.server import create_server
from deployment.flask_app.views import create_app
from tests.chromium import NEED_CHROMIUM
from tests.stub import StubClassifier

pytestmark = NEED_CHROMIUM


@pytest.fixture
def visit(browser, page_url):
    """Opens the page; at the end, nothing was asked of elsewhere and the browser complained of nothing."""
    hosts, complaints, pages = set(), [], []

    def open_page(**options):
        page = browser.new_page(**options)
        page.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        page.on("request", lambda request: hosts.add(urlparse(request.url).hostname))
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(page_url)
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert hosts == {"127.0.0.1"}
    # Chromium's word for our own 422, which is meant.
    assert [text for text in complaints if "422" not in text] == []


def assert_accessible(page):
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "the page scrolls sideways"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360], ids=["desktop", "phone"])
def test_a_first_visit(visit, width, scheme):
    page = visit(viewport={"width": width, "height": 800}, color_scheme=scheme)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, background[4:-1].split(","))) < 300) == (scheme == "dark")
    assert_accessible(page)

    page.get_by_role("button", name="Find its tasks").click()
    expect(page.get_by_role("alert")).to_contain_text("nothing to read")
    expect(page.get_by_role("alert")).to_be_in_viewport()
    expect(page.get_by_label("Abstract")).to_have_attribute("aria-invalid", "true")
    assert_accessible(page)

    page.get_by_label("Title").fill("Faster pedestrian detection at night")
    page.get_by_label("Abstract").fill("A pedestrian detector for thermal cameras.\nIt is fast.")
    page.get_by_role("button", name="Find its tasks").click()
    first = page.get_by_role("listitem").filter(has_text="Pedestrian Detection")
    expect(first).to_be_in_viewport()
    expect(first).to_contain_text("computer vision")
    expect(first).to_contain_text("%")
    share = first.locator(".bar .fill").bounding_box()["width"] / first.locator(".bar").bounding_box()["width"]
    assert f"{share:.0%}" in first.inner_text()
    expect(page.get_by_label("Abstract")).to_have_value("A pedestrian detector for thermal cameras.\nIt is fast.")
    page.get_by_text("How far to trust it").click()
    expect(page.get_by_text("These are not Papers with Code's own labels")).to_be_visible()
    assert_accessible(page)

    page.get_by_role("link", name="Start afresh").click()
    expect(page.get_by_label("Title")).to_have_value("")
    page.get_by_role("link", name="Molecules").click()
    expect(page.get_by_label("Abstract")).not_to_have_value("")
    expect(page.locator(".percent").first).to_be_in_viewport()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_levels_are_accessible(browser, scheme):
    server = create_server(create_app(StubClassifier(fits_threshold=0.5), seconds=600), "127.0.0.1", 0)
    Thread(target=server.run, daemon=True).start()
    page = browser.new_page(color_scheme=scheme)
    try:
        page.goto(f"http://127.0.0.1:{server.effective_port}")
        page.get_by_label("Title").fill("Paper 3")
        page.get_by_role("button", name="Find its tasks").click()
        for name in ("Works on", "Also"):
            expect(page.get_by_role("heading", name=name)).to_be_visible()
        assert_accessible(page)
    finally:
        page.close()
        server.close()


def test_without_javascript_and_without_a_mouse(visit):
    page = visit(java_script_enabled=False)
    page.keyboard.press("Tab")  # the page's name, which leads to its start
    page.keyboard.press("Tab")
    expect(page.get_by_label("Title")).to_be_focused()
    page.keyboard.type("Speech recognition in noise")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Abstract")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Find its tasks")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("listitem").filter(has_text="Speech Recognition")).to_be_visible()
    expect(page).to_have_title(re.compile(r"^\d+ tasks? found · From Paper With Tasks$"))
