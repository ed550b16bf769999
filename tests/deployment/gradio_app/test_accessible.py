"""The Gradio app by axe's rules of accessibility: each tab, wide and narrow, light and dark."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.chromium import NEED_CHROMIUM
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
