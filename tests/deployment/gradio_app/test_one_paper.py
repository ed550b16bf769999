"""The functions behind the first tab, without a browser."""

import re
from types import SimpleNamespace

import gradio as gr
import pytest

from deployment.gradio_app import html
from deployment.gradio_app.endpoints import Endpoints
from deployment.gradio_app.one_paper import CHOOSE_TASK, SHOW_REASONS, SHOW_TAGS, OnePaper, Reasons
from tests.stub import StubClassifier

TITLE, ABSTRACT = "Second glances", "We find pedestrians at night. The code runs on a laptop."


@pytest.fixture(scope="module")
def functions(classifier):
    return OnePaper(Endpoints(classifier))


@pytest.fixture(scope="module")
def paper(functions):
    return functions.tag_example(TITLE, ABSTRACT)[0]


def test_a_paper_is_shown_with_its_tasks_and_without_reasons(functions, classifier):
    paper, tags, reasons = functions.tag_example(TITLE, ABSTRACT)
    assert paper[:2] == (TITLE, ABSTRACT) and paper.probabilities.main.shape == (1, len(classifier.labels))
    assert "Pedestrian Detection" in tags and reasons == "" and "Topics" not in tags
    assert "Topics: SSIM" in functions.tag_example(TITLE, "We measure it by SSIM.")[1]


def test_both_levels_are_shown_and_the_threshold_moves_both():
    functions = OnePaper(Endpoints(StubClassifier(fits_threshold=0.5)))
    paper, tags, _ = functions.tag_example("Paper 3", "")
    assert re.findall("data-level='(.*?)'", tags) == ["main", "ok", "ok"] and "<h2 class='level'>Also" in tags
    tags = functions.show_tags(paper, 0.99, False)
    assert re.findall("data-level='(.*?)'", tags) == ["ok", "ok", "main"] and "finds no task" in tags
    assert len(set(re.findall("data-task='(.*?)'", tags))) == 3


def test_the_threshold_and_the_artefacts_choose_what_is_shown(functions, paper):
    tasks = [functions.show_tags(paper, threshold, False).count("data-task=") for threshold in (0.05, 0.95)]
    assert tasks[0] > tasks[1] >= html.NEAREST
    assert "Navigate" in functions.show_tags(paper, 0.0, True) and "Navigate" not in functions.show_tags(
        paper, 0.0, False
    )
    assert functions.show_tags(None, 0.5, False) == html.PROMPT


def test_reasons_belong_to_the_paper_that_they_were_asked_for(functions, paper):
    reasons = functions.explain_task(paper, SimpleNamespace(task="Pedestrian Detection"))
    assert "Why Pedestrian Detection" in reasons.html
    assert functions.current_reasons(reasons, paper) == reasons.html
    other = functions.tag_example("Question answering", "")[0]
    assert functions.current_reasons(reasons, other) == functions.current_reasons(reasons, None) == ""


def test_an_event_without_a_paper_or_a_task(functions, paper):
    assert functions.explain_task(None, SimpleNamespace(task="Pedestrian Detection")) == Reasons(None, "")
    with pytest.raises(gr.Error, match="is not a task here"):
        functions.explain_task(paper, SimpleNamespace())
    with pytest.raises(gr.Error, match="'often' is not a level of this model"):
        functions.explain_task(paper, SimpleNamespace(task="Pedestrian Detection", level="often"))


def test_the_scripts_use_what_gradio_gives_them():
    assert "element." in CHOOSE_TASK and 'trigger("click"' in CHOOSE_TASK
    assert 'watch("value"' in SHOW_REASONS and SHOW_TAGS.startswith("() => {")
