"""The marks of the tests that need Chromium."""

import os

import pytest

from tools.chromium import CHROMIUM

NEED_CHROMIUM = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None and "REQUIRE_CHROMIUM" not in os.environ,
        reason="no Chromium on this machine: install the package chromium to run the browser tests",
    ),
]
