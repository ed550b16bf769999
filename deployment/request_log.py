"""One JSON line for each request, on stderr: who asked for what and how long it took, never what was in it."""

import json
import logging
import re
import time
import traceback
import uuid
from datetime import UTC, datetime

from flask import Flask, Response, g, request

ID_HEADER = "X-Request-Id"
_LOG = logging.getLogger("deployment.web")
# An id that a proxy gave is kept, so that its log and ours can be laid side by side.
_ID = re.compile(r"[\w-]{1,64}", re.ASCII)
_PATH_CHARACTERS = 200


class JsonLines(logging.Formatter):
    """Each record as one line of JSON: its time, level and message, or the fields given as `extra={"fields": …}`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields = getattr(record, "fields", None) or {"message": record.getMessage()}
        return json.dumps({"time": at, "level": record.levelname} | fields)


def install(app: Flask) -> None:
    """Logs each request of `app`, and returns its id in the header `X-Request-Id`.

    A view may set `g.papers`, the number of papers it was given. Where no logging was set up, it is, for JSON lines.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler])
    _LOG.setLevel(logging.INFO)

    @app.before_request
    def start() -> None:
        given = request.headers.get(ID_HEADER, "")
        g.id = given if _ID.fullmatch(given) else uuid.uuid4().hex
        g.started = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        response.headers[ID_HEADER] = g.id
        fields = {
            "id": g.id,
            "method": request.method,
            "path": request.path[:_PATH_CHARACTERS],
            "status": response.status_code,
            "milliseconds": round(1000 * (time.perf_counter() - g.started), 1),
            "papers": g.get("papers", 0),
        }
        if fault := g.get("fault"):
            fields["fault"] = fault
        _LOG.log(logging.ERROR if fault else logging.INFO, "request", extra={"fields": fields})
        return response


def note_fault(error: Exception) -> None:
    """Has the request's line tell the kind and place of an error, but not its words: they may quote a text."""
    frames = traceback.extract_tb(error.__traceback__)
    g.fault = f"{type(error).__name__} at " + " < ".join(
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames[-5:])
    )
