"""Logs one JSON line for each request, on stderr: what was asked for, and how long it took, but no text of a paper.

Both front ends share this; each has a module `log` that calls it.
"""

import json
import logging
import re
import time
import traceback
import uuid
from datetime import UTC, datetime

ID_HEADER = "X-Request-Id"
_LOG = logging.getLogger("deployment")
# The id that a proxy gave is kept, so that its log can be compared with this one.
_ID = re.compile(r"[\w-]{1,64}", re.ASCII)
_PATH_CHARACTERS = 200


class JsonLines(logging.Formatter):
    """A record as one line of JSON: its time, its level, and the fields in `extra={"fields": …}` or its message."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without a line end."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields = getattr(record, "fields", None) or {"message": record.getMessage()}
        return json.dumps({"time": at, "level": record.levelname} | fields)


def set_up() -> None:
    """Makes the lines appear. If nothing has set up Python's logging, all records become JSON lines on stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler])
    _LOG.setLevel(logging.INFO)


def request_id(given: str) -> str:
    """The id that came with a request, if it is a possible id; else a new one."""
    return given if _ID.fullmatch(given) else uuid.uuid4().hex


def write(
    id: str, method: str, path: str, status: int | str, started: float, papers: int = 0, fault: str | None = None
) -> None:
    """Logs a request. `started` is time.perf_counter() at its start, `fault` the result of `describe` if it failed."""
    fields = {
        "id": id,
        "method": method,
        "path": path[:_PATH_CHARACTERS],
        "status": status,
        "milliseconds": round(1000 * (time.perf_counter() - started), 1),
        "papers": papers,
    }
    if fault:
        fields["fault"] = fault
    _LOG.log(logging.ERROR if fault else logging.INFO, "request", extra={"fields": fields})


def write_fault(error: BaseException) -> None:
    """Logs an error without a request."""
    _LOG.error("fault", extra={"fields": {"fault": describe(error)}})


def describe(error: BaseException) -> str:
    """The kind of an error and where it was raised, but not its message, which may quote a text."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} at " + " < ".join(
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames[-5:])
    )
