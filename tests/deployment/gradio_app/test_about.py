import pytest

from deployment.gradio_app.about import PLOTS, PLOTS_DIR, card_markdown, plots_html
from paper_tasks.paths import MODEL_DIR
from tests import ROOT


@pytest.mark.parametrize("name", PLOTS)
def test_the_plots_are_those_of_the_evaluation(name):
    assert (PLOTS_DIR / name).read_bytes() == (ROOT / "results" / name).read_bytes()


def test_plots_that_are_not_there_are_not_shown(tmp_path):
    assert plots_html(tmp_path) == ""
    (tmp_path / "recall.png").write_bytes(b"\x89PNG")
    html = plots_html(tmp_path)
    assert html.count("<img") == html.count(" alt='") == 1 and "base64,iVBORw==" in html


def test_the_card_without_what_the_hub_reads(tmp_path):
    assert card_markdown(tmp_path) == ""
    card = card_markdown(MODEL_DIR)
    assert "license:" not in card and "## Limits" in card and "95% interval" in card
    (tmp_path / "README.md").write_text("# A card\n\n---\n", encoding="utf-8")
    assert card_markdown(tmp_path) == "# A card\n\n---\n"
