"""One JSON line for each request, on stderr: who asked for what and how long it took, never what was in it.

What both doors share; web_log.py writes the lines of the Flask page, and app_log.py those of the Gradio app.
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


def set_up() -> None:
    """Lets the lines be written. Where no logging was set up, it is, for JSON lines."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler])
    _LOG.setLevel(logging.INFO)


def request_id(given: str) -> str:
    """The id that came with a request, if it can be one; else a new one."""
    return given if _ID.fullmatch(given) else uuid.uuid4().hex


def write(
    id: str, method: str, path: str, status: int | str, started: float, papers: int = 0, fault: str | None = None
) -> None:
    """A request's line; `started` is what time.perf_counter() was at its start, `fault` what `describe` made."""
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
    """The line of an error that belongs to no request we know of."""
    _LOG.error("fault", extra={"fields": {"fault": describe(error)}})


def describe(error: BaseException) -> str:
    """The kind and place of an error, but not its words: they may quote a text."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} at " + " < ".join(
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames[-5:])
    )
