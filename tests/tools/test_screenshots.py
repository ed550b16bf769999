"""The pictures in the documents are those that the script takes; whether they look good, a person must see."""

import re
from pathlib import Path

import pytest
from PIL import Image

from tests import ROOT
from tools.screenshots import DOCUMENTED, FOLDER, MOST_BYTES


def test_the_documents_show_each_picture_with_words_for_it():
    pages = "".join((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/usage.md"))
    shown = {
        path: words for words, path in re.findall(r"!\[([^\]]+)\]\((?:\.\./)?(deployment/screenshots/[^)]+)\)", pages)
    }
    taken = {f"{shot.view.__name__}.png" for shot in DOCUMENTED}
    assert {Path(path).name for path in shown} == taken == {path.name for path in FOLDER.iterdir()}
    assert all(len(words) > 40 for words in shown.values())


@pytest.mark.parametrize("shot", DOCUMENTED, ids=lambda shot: shot.view.__name__)
def test_a_picture_is_small_and_of_its_screen(shot):
    path = FOLDER / f"{shot.view.__name__}.png"
    assert path.stat().st_size < MOST_BYTES
    with Image.open(path) as picture:
        assert picture.width == {"desktop": 1200, "phone": 390}[shot.screen]
        assert len(picture.convert("RGB").getcolors(picture.width * picture.height)) > 20, "an empty page"
