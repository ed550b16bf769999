"""The API held to its own description, by requests that schemathesis makes from it: wanted ones and odd ones."""

import re
from collections import Counter

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from deployment.flask_app.views import create_app
from tests.stub import StubClassifier

# How a request that does not fit the description may be refused; by itself schemathesis would not have 413.
REFUSALS = {400, 413, 415, 422}


@pytest.fixture(scope="module")
def app(classifier):
    return create_app(classifier, seconds=600)


def described(app):
    """The API as its own description says."""
    config = {"checks": {"negative_data_rejection": {"expected-statuses": sorted(REFUSALS)}}}
    return schemathesis.openapi.from_wsgi("/openapi.json", app, config=schemathesis.Config.from_dict(config))


@pytest.fixture
def api(app):
    return described(app)


def test_every_address_is_described_and_no_other(app, api):
    served = {rule.rule for rule in app.url_map.iter_rules()} - {"/", "/static/<path:filename>"}
    assert set(api.raw_schema["paths"]) == served
    for path, operations in api.raw_schema["paths"].items():
        methods = {method.upper() for method in operations}
        (rule,) = (rule for rule in app.url_map.iter_rules() if rule.rule == path)
        assert methods == rule.methods - {"HEAD", "OPTIONS"}


def test_its_examples_are_answered(app, api):
    body = api.raw_schema["paths"]["/api/tasks"]["post"]["requestBody"]["content"]["application/json"]
    answers = [app.test_client().post("/api/tasks", json=example["value"]) for example in body["examples"].values()]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert "Speaker Verification" in answers[0].text


def test_both_levels_are_as_described():
    case = described(create_app(StubClassifier(fits_threshold=0.5), seconds=600))["/api/tasks"]["POST"].Case(
        body={"title": "Paper 3"}, media_type="application/json"
    )
    answer = case.call_and_validate()
    assert {task["level"] for task in answer.json()["tasks"]} == {"main", "ok"} and answer.json()["topics"] == []


def test_every_reference_leads_somewhere(api):
    names = re.findall(r"#/components/schemas/(\w+)", str(api.raw_schema))
    assert names and set(names) <= api.raw_schema["components"]["schemas"].keys()


@pytest.mark.parametrize("path", ["/api/vocabulary", "/openapi.json", "/healthz"])
def test_what_is_given_without_a_question_is_as_described(api, path):
    assert api[path]["GET"].Case().call_and_validate().status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
def test_whatever_is_asked_the_answer_is_one_that_is_described(mode):
    """500 requests that fit the description, and 500 that do not: each answer does, and none is a 500."""
    statuses, api = Counter(), described(create_app(StubClassifier(fits_threshold=0.5), seconds=600))

    @settings(max_examples=500, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=api["/api/tasks"]["POST"].as_strategy(generation_mode=mode))
    def ask(case):
        # A schema cannot say that a text must have a letter in it, so a fitting request may yet be refused.
        statuses[case.call_and_validate(excluded_checks=[positive_data_acceptance]).status_code] += 1

    ask()
    assert statuses.keys() <= ({200, 422} if mode.is_positive else REFUSALS)
    assert len(statuses) > 1 and statuses.total() >= 500
