"""Where Chromium is, and the marks of the tests that need it."""

import os
import shutil

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NEED_CHROMIUM = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None and "REQUIRE_CHROMIUM" not in os.environ,
        reason="no Chromium on this machine: install the package chromium to run the browser tests",
    ),
]
