"""All that depends on Gradio's inside: what is replaced there, and what is used though it is private.

`apply` looks for each of these names before the app serves. A version of Gradio without one of them ends the start;
else texts could reach the log again, or addresses be fetched, and nobody would notice.
"""

import sys
from importlib.metadata import version
from pkgutil import resolve_name
from types import SimpleNamespace
from typing import Any, NamedTuple, NoReturn

import gradio as gr
from fastapi import HTTPException
from starlette.formparsers import MultiPartException

from deployment.common import request_log
from paper_tasks.errors import InputError

TOO_LARGE = "The request is too large."


class GradioChanged(InputError):
    """The installed Gradio lacks a name that the app replaces or uses."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Gradio {version('gradio')} has no {name}, which this app needs to be safe: "
            "install the version that deployment/requirements.txt names."
        )


class Patch(NamedTuple):
    """A name inside a package, as `module:name`, and what takes its place."""

    name: str
    replacement: Any


class BodyTooLarge(HTTPException, MultiPartException):
    """Ends a request with status 413.

    It is two exceptions, because Gradio's parser of uploads removes what it has written upon a MultiPartException
    alone. The route of uploads answers 413 where the message has the words "maximum allowed size".
    """

    def __init__(self) -> None:
        HTTPException.__init__(self, 413, TOO_LARGE)
        self.message = "The request exceeds the maximum allowed size."


async def _refuse_to_fetch(*_: Any, **__: Any) -> NoReturn:
    raise HTTPException(403, "Nothing is fetched from addresses here; upload the file.")


def _log_fault() -> None:
    error = sys.exception()
    if error is not None:
        request_log.write_fault(error)


_ONLY_LOGS = SimpleNamespace(print_exc=_log_fault)
PATCHES = (
    # A client may name a public address in place of a file. Gradio fetches it, without a limit and without an option:
    # the first function does so for the input of a function, the second for /gradio_api/file=.
    Patch("gradio.processing_utils:async_ssrf_protected_download", _refuse_to_fetch),
    Patch("gradio.routes:secure_url_stream_response", _refuse_to_fetch),
    # Gradio prints what it refuses by itself, such as a question without its abstract, with all that was sent.
    Patch("gradio.queueing:traceback", _ONLY_LOGS),
    Patch("gradio.routes:traceback", _ONLY_LOGS),
)
# The request of a call, for the log.
_REQUEST = "gradio.context:LocalContext.request"
# What Gradio's route of uploads catches; see BodyTooLarge.
_UPLOAD_ERROR = "gradio.routes:MultiPartException"
# Uvicorn prints the traceback of a fault, in which a text may be quoted. RequestLog writes the fault without it.
_UVICORN = "uvicorn.config:LOGGING_CONFIG"
USED = (_REQUEST, _UPLOAD_ERROR, _UVICORN)


def apply() -> None:
    """Replaces what PATCHES names. Raises GradioChanged, and replaces nothing, if one of the names is gone."""
    for name in (*USED, *(patch.name for patch in PATCHES)):
        _find(name)
    if _find(_UPLOAD_ERROR) is not MultiPartException:
        raise GradioChanged(_UPLOAD_ERROR)
    for patch in PATCHES:
        module, _, name = patch.name.partition(":")
        setattr(resolve_name(module), name, patch.replacement)
    # Without handlers of their own, Uvicorn's loggers pass their records on to ours, which write one JSON line each.
    _find(_UVICORN)["loggers"]["uvicorn"] = {}


def current_request() -> gr.Request | None:
    """The request that asked for the function that runs now; None outside of one."""
    request: gr.Request | None = _find(_REQUEST).get(None)
    return request


def _find(name: str) -> Any:
    try:
        return resolve_name(name)
    except (ImportError, AttributeError) as error:
        raise GradioChanged(name) from error
