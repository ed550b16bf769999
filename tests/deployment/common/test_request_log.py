import json
import logging

from deployment.common import request_log


def test_a_line_is_json_whatever_the_path():
    record = logging.LogRecord("x", logging.WARNING, "", 0, 'a %s\n"', ("message",), None)
    line = request_log.JsonLines().format(record)
    assert "\n" not in line and json.loads(line) | {"time": ""} == {
        "time": "",
        "level": "WARNING",
        "message": 'a message\n"',
    }
    record.fields = {"path": '/\n{"status": 200}'}
    line = request_log.JsonLines().format(record)
    assert "\n" not in line and json.loads(line)["path"] == '/\n{"status": 200}'
