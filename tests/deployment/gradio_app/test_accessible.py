"""The Gradio app by axe's rules of accessibility: each tab, wide and narrow, light and dark."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from deployment.gradio_app.server import serve
from paper_tasks.export.local_server import free_port
from tests.chromium import NEED_CHROMIUM
from tests.stub import StubClassifier
from tools.screenshots import SCREENS, about, many_papers, one_paper

pytestmark = NEED_CHROMIUM


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
def test_each_tab(browser, app_url, screen, theme):
    """No rule is left out: Gradio 6.31 breaks none that its theme and our HTML could not mend."""
    width, height = SCREENS[screen]
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(120_000)
    page.goto(f"{app_url}/?__theme={theme}")
    try:
        for view in (one_paper, many_papers, about):
            view(page)
            # Colors fade in.
            page.wait_for_timeout(500)
            results = Axe().run(page)
            assert results.violations_count == 0, f"{view.__name__}: {results.generate_report()}"
    finally:
        page.close()


@pytest.fixture(scope="module")
def two_levels_url(tmp_path_factory):
    """The address of an app whose model knows both levels."""
    port = free_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("uploads")))
        blocks = serve(StubClassifier(fits_threshold=0.5), "127.0.0.1", port)
        yield f"http://127.0.0.1:{port}"
        blocks.close(verbose=False)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_both_levels(browser, two_levels_url, theme):
    page = browser.new_page()
    page.set_default_timeout(120_000)
    page.goto(f"{two_levels_url}/?__theme={theme}")
    try:
        page.get_by_label("Title").fill("Paper 3")
        page.get_by_role("button", name="Find its tasks").click()
        for name in ("Works on", "Also"):
            page.locator("#tags").get_by_role("heading", name=name).wait_for()
        # Colors fade in.
        page.wait_for_timeout(500)
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()
    finally:
        page.close()
