import json

import pytest
from flask import Flask, g

from deployment.common import request_log
from deployment.flask_app import log


@pytest.fixture
def client():
    app = Flask("a_test")
    log.install(app)

    @app.post("/papers")
    def papers():
        g.papers = 3
        return "three"

    @app.errorhandler(RuntimeError)
    def fault(error):
        g.fault = request_log.describe(error)
        return "fault", 500

    @app.get("/fault")
    def raises():
        raise RuntimeError("a secret abstract")

    return app.test_client()


def fields(caplog):
    return [record.fields for record in caplog.records if hasattr(record, "fields")]


def test_each_request_is_one_line(client, caplog):
    client.post("/papers?title=secret", data={"abstract": "secret"})
    client.get("/absent")
    client.get("/fault")
    first, second, third = fields(caplog)
    assert first.keys() == {"id", "method", "path", "status", "milliseconds", "papers"}
    assert (first["method"], first["path"], first["status"], first["papers"]) == ("POST", "/papers", 200, 3)
    assert 0 <= first["milliseconds"] < 10_000
    assert (second["status"], second["papers"]) == (404, 0)
    assert third["fault"].startswith("RuntimeError at test_log.py:")
    assert "secret" not in caplog.text + json.dumps(fields(caplog))


def test_the_id_is_returned_and_the_id_of_a_proxy_is_kept(client, caplog):
    given = client.get("/", headers={request_log.ID_HEADER: "from-a-proxy_1"})
    made = [client.get("/", headers={request_log.ID_HEADER: odd}) for odd in ("", "x" * 65, 'a"b', "é")]
    ids = [response.headers[request_log.ID_HEADER] for response in [given, *made]]
    assert ids[0] == "from-a-proxy_1" and len(set(ids)) == 5 and all(len(made) == 32 for made in ids[1:])
    assert [line["id"] for line in fields(caplog)] == ids
