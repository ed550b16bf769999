import json

import pytest
from werkzeug.exceptions import BadRequest

from deployment.common.limits import ABSTRACT_CHARACTERS, PAPERS, TITLE_CHARACTERS
from deployment.flask_app.paper_json import Question, WrongField, read_question


def read(sent):
    return read_question(json.dumps(sent).encode())


def test_one_paper():
    assert read({"title": "A", "abstract": "B"}) == Question([("A", "B")], True, None)
    assert read({"abstract": "B", "threshold": 0}) == Question([("", "B")], True, 0.0)
    assert read({"title": "A", "abstract": None}) == Question([("A", "")], True, None)


def test_many_papers_keep_their_order():
    papers = [{"title": str(number)} for number in range(PAPERS)]
    assert read({"papers": papers, "threshold": 1}) == Question([(p["title"], "") for p in papers], False, 1.0)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b'{"title": ' + b"9" * 5000 + b"}"])
def test_what_is_no_json(body):
    with pytest.raises(BadRequest, match="not JSON"):
        read_question(body)


@pytest.mark.parametrize("sent", [[], "text", 1, None])
def test_what_is_no_object(sent):
    with pytest.raises(BadRequest, match="not a JSON object"):
        read(sent)


@pytest.mark.parametrize(
    "sent, field, word",
    [
        ({"title": 1}, "title", "string"),
        ({"title": "x" * (TITLE_CHARACTERS + 1)}, "title", "1,001"),
        ({"abstract": "x" * (ABSTRACT_CHARACTERS + 1)}, "abstract", "20,001"),
        ({"abstrct": "x"}, "abstrct", "not a field"),
        ({"x" * 1000: "x"}, "x" * 39 + "…", "not a field"),
        ({"papers": "x"}, "papers", "list"),
        ({"papers": []}, "papers", "1 to 256"),
        ({"papers": [{}] * (PAPERS + 1)}, "papers", "1 to 256"),
        ({"papers": [{"title": "a"}, "b"]}, "papers[1]", "object"),
        ({"papers": [{"title": "a"}, {"abstract": ["b"]}]}, "papers[1].abstract", "string"),
        ({"papers": [{"text": "b"}]}, "papers[0].text", "not a field"),
        ({"papers": [{"title": "a"}], "title": "b"}, "title", "no other field"),
        ({"title": "a", "threshold": 2}, "threshold", "0 to 1"),
        ({"title": "a", "threshold": True}, "threshold", "0 to 1"),
        ({"title": "a", "threshold": float("nan")}, "threshold", "0 to 1"),
        ({"title": "a", "threshold": "0.5"}, "threshold", "0 to 1"),
    ],
)
def test_a_wrong_field_is_named(sent, field, word):
    with pytest.raises(WrongField) as caught:
        read(sent)
    assert caught.value.field == field and caught.value.code == 422
    sentence = caught.value.description
    assert word in sentence and sentence.endswith(".") and "\n" not in sentence and len(sentence) < 150
