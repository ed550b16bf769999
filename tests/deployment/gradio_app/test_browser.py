"""The page in a real browser: headless Chromium."""

import csv
import json
from threading import Event
from urllib.parse import urlparse

import pytest
from playwright.sync_api import expect

from deployment.gradio_app import endpoints
from tests.chromium import NEED_CHROMIUM

pytestmark = NEED_CHROMIUM


@pytest.fixture(params=[(1280, 860), (390, 844)], ids=["desktop", "phone"])
def page(request, browser, app_url):
    width, height = request.param
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(120_000)
    expect.set_options(timeout=120_000)
    hosts = set()
    page.on("request", lambda request: hosts.add(urlparse(request.url).hostname))
    page.goto(app_url)
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
    expect(page.locator("#tags")).to_contain_text("below 5%")
    expect(page.locator("#tags .task").nth(shown)).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#tags")).to_contain_text("The tasks appear here")
    expect(page.get_by_label("Title")).to_have_value("")


def test_why_a_task(page):
    page.get_by_text("Street scenes").first.click()
    button = page.get_by_role("button", name="Pedestrian Detection")
    button.focus()
    button.press("Enter")
    reasons = page.locator("#reasons")
    expect(reasons.get_by_role("heading")).to_contain_text("Why Pedestrian Detection")
    expect(reasons.locator("mark.word").filter(has_text="pedestrians")).to_be_visible()
    expect(button).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Clear").click()
    expect(reasons).not_to_contain_text("Why")


@pytest.mark.parametrize("then", ["Clear", "Find its tasks", "Molecules"])
def test_reasons_that_come_late_are_not_shown_for_another_paper(page, monkeypatch, then):
    asked, go_on, explain = Event(), Event(), endpoints.explain

    def slow(*arguments):
        asked.set()
        assert go_on.wait(60)
        return explain(*arguments)

    monkeypatch.setattr(endpoints, "explain", slow)
    page.get_by_text("Street scenes").first.click()
    task = page.get_by_role("button", name="Pedestrian Detection")
    task.click()
    assert asked.wait(60)
    if then == "Find its tasks":
        page.get_by_label("Title").fill("Machine translation for sailors")
        page.get_by_label("Abstract").fill("")
    page.get_by_text(then).first.click()
    expect(task).to_have_count(0)
    with page.expect_response(lambda answer: "/run/predict" in answer.url) as late:
        go_on.set()
    assert late.value.json()["data"] == [""]
    expect(page.locator("#reasons")).not_to_contain_text("Why")


def test_what_a_button_brings_is_seen_on_a_phone(browser, app_url):
    page = browser.new_page(viewport={"width": 375, "height": 740})
    page.goto(app_url)
    page.get_by_label("Title").fill("Faster pedestrian detection at night")
    page.get_by_label("Abstract").fill("A pedestrian detector for thermal cameras.\n" * 30)
    submit = page.get_by_role("button", name="Find its tasks")
    for _ in range(2):
        submit.evaluate("button => button.scrollIntoView({block: 'end'})")
        submit.click()
        expect(page.locator("#tags .task").first).to_be_in_viewport()
    slider = page.get_by_role("slider")
    slider.focus()
    at = page.evaluate("window.scrollY")
    slider.press("Home")
    expect(page.locator("#tags")).to_contain_text("below 5%")
    assert page.evaluate("window.scrollY") == at
    assert slider.evaluate("slider => getComputedStyle(slider).outlineStyle") == "solid"
    page.close()


def test_an_example_is_tagged_at_a_click(page):
    page.get_by_text("Street scenes").first.click()
    expect(page.locator("#tags .task").first).to_be_visible()
    expect(page.get_by_label("Abstract")).not_to_have_value("")


def test_a_paper_by_its_arxiv_link(page):
    page.get_by_label("arXiv id or link").fill("https://arxiv.org/abs/2401.01234v1")
    page.get_by_role("button", name="Fetch from arXiv").click()
    expect(page.get_by_role("button", name="Pedestrian Detection")).to_be_visible()
    expect(page.get_by_label("Title")).to_have_value("Second glances")
    expect(page.get_by_label("Abstract")).to_have_value("We find pedestrians at night.")


@pytest.mark.parametrize("number, words", [("1999", "not an arXiv id or link"), ("2401.09999", "status 500")])
def test_what_arxiv_does_not_give_is_reported(page, number, words):
    page.get_by_label("arXiv id or link").fill(number)
    page.get_by_role("button", name="Fetch from arXiv").click()
    expect(page.get_by_text(words)).to_be_visible()
    # Nothing lies over what is to be mended, or pasted.
    for label in ("arXiv id or link", "Title", "Abstract"):
        page.get_by_label(label).click(timeout=5_000)


def test_many_papers(page):
    content = b'Title,note\n=Pedestrian detection,@x\nQuestion answering,y\none\n"'
    page.get_by_role("tab", name="Many papers").click()
    expect(page.get_by_text("2,000 rows")).to_be_visible()
    file = {"name": "my papers.csv", "mimeType": "text/csv", "buffer": content}
    page.locator("#upload input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Tag them all").click()
    report = page.locator("#report")
    expect(report).to_contain_text("2 papers tagged, 2 left out")
    expect(report).to_contain_text("line 4: has 1 cells where the header has 2")
    expect(report.get_by_role("row", name="Question Answering 1")).to_be_visible()
    expect(page.get_by_role("gridcell", name="=Pedestrian detection")).to_be_visible()

    with page.expect_download() as download:
        page.get_by_text("Download CSV").click()
    assert download.value.suggested_filename.endswith(".tagged.csv")
    first, second = csv.DictReader(download.value.path().read_text(encoding="utf-8").splitlines())
    assert first["Title"] == "'=Pedestrian detection" and first["note"] == "'@x"
    assert "Question Answering" in json.loads(second["predicted_tasks"])
    with page.expect_download() as download:
        page.get_by_text("Download JSON Lines").click()
    lines = list(map(json.loads, download.value.path().read_text(encoding="utf-8").splitlines()))
    assert [line["Title"] for line in lines] == ["=Pedestrian detection", "Question answering"]

    page.locator("#upload").get_by_role("button", name="Clear").click()
    page.locator("#upload input[type=file]").set_input_files(file | {"name": "others.csv", "buffer": b"title;abstract"})
    expect(page.locator("#upload")).to_contain_text("others")
    page.get_by_role("button", name="Tag them all").click()
    expect(page.get_by_text("its columns by semicolons")).to_be_visible()
    expect(report).not_to_contain_text("papers tagged")
    expect(page.get_by_role("gridcell")).to_have_count(0)
    for name in ("Download CSV", "Download JSON Lines"):
        expect(page.get_by_role("button", name=name)).to_be_disabled()


def test_a_file_that_cannot_be_used_is_reported(page):
    page.get_by_role("tab", name="Many papers").click()
    page.get_by_role("button", name="Tag them all").click()
    expect(page.get_by_text("Upload a file first")).to_be_visible()
    file = {"name": "papers.csv", "mimeType": "text/csv", "buffer": b"name\nx"}
    page.locator("#upload input[type=file]").set_input_files(file)
    expect(page.locator("#upload")).to_contain_text("papers")
    page.get_by_role("button", name="Tag them all").click()
    expect(page.get_by_text("no column 'title' or 'abstract'")).to_be_visible()


def test_nothing_to_read_is_reported(page):
    page.get_by_role("button", name="Find its tasks").click()
    expect(page.get_by_text("There is nothing to read")).to_be_visible()


def test_about_explains_distant_labels(page):
    page.get_by_role("tab", name="About").click()
    expect(page.get_by_text("Distant labels").first).to_be_visible()
    expect(page.get_by_role("cell", name="micro f1")).to_be_visible()


def test_about_shows_plots_card_and_links(page):
    page.get_by_role("tab", name="About").click()
    images = page.locator(".plots img")
    expect(images).to_have_count(3)
    assert all(images.nth(index).evaluate("image => image.complete && image.naturalWidth > 300") for index in range(3))
    page.get_by_role("button", name="The model's card").click()
    expect(page.get_by_role("heading", name="Intended use")).to_be_visible()
    expect(page.get_by_role("link", name="Papers with Code's last data")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_nothing_is_fetched_from_elsewhere_and_nothing_overflows(page):
    page.get_by_text("Molecules").first.click()
    expect(page.locator("#tags .task").first).to_be_visible()
    assert page.hosts <= {"127.0.0.1", None}
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
