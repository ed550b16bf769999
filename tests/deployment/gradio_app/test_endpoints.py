"""The endpoint functions, without a server: whatever comes, an answer or gr.Error with one sentence."""

import json

import gradio as gr
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from deployment.common.limits import PAPERS as MOST_PAPERS
from deployment.gradio_app import endpoints as module
from deployment.gradio_app import papers_file
from deployment.gradio_app.endpoints import Endpoints
from paper_tasks.errors import InputError
from tests.stub import StubClassifier

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters(), max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=5,
)
TEXT = st.text(st.characters(), max_size=200) | JSON
PAPERS = st.lists(st.fixed_dictionaries({}, optional={"title": TEXT, "abstract": TEXT}) | JSON, max_size=3) | JSON
some = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def endpoints(classifier):
    return Endpoints(classifier)


def answered(function, *arguments):
    """The answer, which is JSON; None for an error with one sentence."""
    try:
        answer = function(*arguments)
    except gr.Error as error:
        assert error.message.endswith(".") and "\n" not in error.message and not error.print_exception
        assert "Something went wrong" not in error.message
        return None
    json.dumps(answer, allow_nan=False)
    return answer


@some
@given(TEXT, TEXT)
def test_tag_of_anything(endpoints, title, abstract):
    tags = answered(endpoints.tag, title, abstract)
    assert tags is None or all(0 < tag["probability"] <= 1 for tag in tags)


@some
@given(PAPERS)
def test_tag_batch_of_anything(endpoints, papers):
    tags = answered(endpoints.tag_batch, papers)
    assert tags is None or len(tags) == len(papers)


@some
@given(TEXT, TEXT, st.sampled_from(["Object Detection", "Navigate"]) | TEXT, st.just("main") | TEXT)
@example("a", "", "\n", "main")
@example("a", "", None, "main")
@example("a", "", "Navigate", "\n")
def test_explain_of_anything(endpoints, title, abstract, task, level):
    reasons = answered(endpoints.explain, title, abstract, task, level)
    for span in (reasons or {"spans": []})["spans"]:
        assert reasons["text"][span["start"] : span["end"]] == span["text"] != ""


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from([b"", b"title,abstract\n", b'{"title": "']),
    st.binary(max_size=200) | st.text('",\n\r\\{}[]:a1\u2028\0', max_size=60).map(str.encode),
    st.sampled_from(papers_file.SUFFIXES),
)
def test_a_file_of_anything(tmp_path, start, content, suffix):
    path = tmp_path / f"papers{suffix}"
    path.write_bytes(start + content)
    try:
        rows, broken = papers_file.read(path)
    except InputError as error:
        assert "\n" not in str(error)
        return
    assert all(row.line >= 1 and row.problem for row in broken)
    for ending in papers_file.SUFFIXES:
        papers_file.write(tmp_path / f"out{ending}", [papers_file.TaggedRow(row, []) for row in rows])


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(max_size=40).filter(lambda text: not any(map(str.isdecimal, text))) | st.none() | st.integers())
def test_fetch_of_anything_that_is_no_id(endpoints, number):
    assert answered(endpoints.fetch, number) is None


def test_tags_have_their_level():
    stub = Endpoints(StubClassifier(fits_threshold=0.5))
    (batched,) = stub.tag_batch([{"title": "Paper 3"}])
    assert [tag["level"] for tag in batched] == ["main", "ok", "ok"] and batched == stub.tag("Paper 3", "")


def test_a_batch_gets_what_each_paper_gets_alone(endpoints):
    papers = [{"title": "Pedestrian detection"}, {"abstract": "We translate German, by machine translation."}]
    together = endpoints.tag_batch(papers)
    assert together == [endpoints.tag(paper.get("title"), paper.get("abstract")) for paper in papers]
    assert endpoints.tag_batch([]) == []


@pytest.mark.parametrize(
    "papers, words",
    [
        ([{"title": "a"}] * (MOST_PAPERS + 1), "at most 256"),
        ([{"title": "a"}, {"title": " "}], r"papers\[1\]: There is nothing to read"),
        ([{"title": "a"}, {"title": 5}], r"papers\[1\]\.title"),
        (["a"], "list of papers"),
        ({"title": "a"}, "list of papers"),
    ],
)
def test_a_wrong_batch_is_reported_by_its_field(endpoints, papers, words):
    with pytest.raises(gr.Error, match=words):
        endpoints.tag_batch(papers)


def test_a_fault_of_ours_is_no_unknown_task(endpoints, monkeypatch):
    with pytest.raises(gr.Error, match="'Gardening' is not a task here"):
        endpoints.explain("Pedestrian detection", "", "Gardening")

    def broken(*_):
        raise KeyError("encoder_tokens")

    monkeypatch.setattr(module, "explain", broken)
    with pytest.raises(gr.Error, match="Something went wrong here"):
        endpoints.explain("Pedestrian detection", "", "Pedestrian Detection")


def test_a_file_is_tagged_step_by_step(endpoints, tmp_path):
    path = tmp_path / "papers.csv"
    path.write_text("title\n" + "Pedestrian detection\n" * 20 + ' \n"', encoding="utf-8")
    steps = []
    tagged, broken = endpoints.tag_file(path, lambda *step: steps.append(step))
    assert [row.line for row, _ in tagged] == list(range(2, 22)) and [row.line for row in broken] == [22, 23]
    assert steps == [(16, 20), (20, 20)]
    with pytest.raises(gr.Error, match="upload it again"):
        endpoints.tag_file(tmp_path / "gone.csv", print)
