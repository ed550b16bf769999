"""The API held to its own description, by requests that schemathesis makes from it: wanted ones and odd ones."""

import re

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from deployment.classifier import TaskClassifier
from deployment.web import create_app


@pytest.fixture(scope="module")
def app():
    return create_app(TaskClassifier.load(), seconds=600)


@pytest.fixture
def api(app):
    return schemathesis.openapi.from_wsgi("/openapi.json", app)


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


def test_every_reference_leads_somewhere(api):
    names = re.findall(r"#/components/schemas/(\w+)", str(api.raw_schema))
    assert names and set(names) <= api.raw_schema["components"]["schemas"].keys()


schema = schemathesis.pytest.from_fixture("api")


@pytest.mark.slow
@schema.parametrize()
@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_whatever_is_asked_the_answer_is_one_that_is_described(case):
    # A schema cannot say that a text must have a letter in it, so a fitting request may yet be refused.
    case.call_and_validate(excluded_checks=[positive_data_acceptance])
