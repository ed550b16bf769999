"""The log of the Gradio app: a line for each request, and one for each call of a function, which may wait in a queue.

Both have the id of the request that asked for the call.
"""

import sys
import time
from collections.abc import Callable
from functools import wraps
from types import SimpleNamespace
from typing import Any

import gradio as gr
from gradio import queueing, routes
from gradio.context import LocalContext
from uvicorn.config import LOGGING_CONFIG

from deployment.common import request_log, wording
from deployment.gradio_app.middleware import Message, Receive, Send

_HEADER = request_log.ID_HEADER.lower().encode()
# A page is made of some sixty files, and holds one request open for as long as it is.
_QUIET = ("/assets/", "/static/", "/theme.css", "/svelte/", "/gradio_api/heartbeat/", "/gradio_api/startup-events")


class RequestLog:
    """ASGI middleware: gives each request an id, returns it in the header `X-Request-Id`, and logs the request.

    Parts of the page itself are logged only if they fail.
    """

    def __init__(self, app: Callable[..., Any]) -> None:
        self._app = app
        request_log.set_up()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Passes a request on, with its id among its headers, where the functions find it."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        headers = dict(scope["headers"])
        id = request_log.request_id(headers.get(_HEADER, b"").decode("latin-1"))
        others = [(name, value) for name, value in scope["headers"] if name != _HEADER]
        scope = scope | {"headers": [*others, (_HEADER, id.encode())]}
        started, status, fault = time.perf_counter(), 500, None

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = message | {"headers": [*message.get("headers", ()), (_HEADER, id.encode())]}
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception as error:
            fault = request_log.describe(error)
            raise
        finally:
            if status >= 400 or not scope["path"].startswith(_QUIET):
                request_log.write(id, scope["method"], scope["path"], status, started, fault=fault)


def keep_texts_out() -> None:
    """Gradio prints what it refuses by itself, such as a question without its abstract, with all that was sent; from
    now on it writes a line as ours. It has no option for this.

    Uvicorn, too, prints more than its own words: the traceback of what failed within a request, of which RequestLog
    tells. Its loggers get no handler of their own, so that the words become a line, and nothing else does.
    """
    ours = SimpleNamespace(print_exc=lambda: request_log.write_fault(sys.exception()))
    queueing.traceback = routes.traceback = ours
    LOGGING_CONFIG["loggers"]["uvicorn"] = {}


def logged(name: str, papers: Callable[[Any], int] = lambda answer: 1) -> Callable[[Callable], Callable]:
    """Has each call of a function logged: by this name, as "answered", "refused" or "failed", and with its time.

    `papers` tells from an answer how many papers it is about. An error that is no refusal becomes one that names the
    request and nothing else; its own words are neither logged nor sent, for they may quote a text.
    """

    def decorate(function: Callable) -> Callable:
        @wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            request = LocalContext.request.get(None)
            id = request_log.request_id(request.headers.get(request_log.ID_HEADER, "") if request else "")
            started = time.perf_counter()
            try:
                answer = function(*arguments, **named)
            except gr.Error:
                request_log.write(id, "CALL", name, "refused", started)
                raise
            except Exception as error:
                request_log.write(id, "CALL", name, "failed", started, fault=request_log.describe(error))
                raise gr.Error(wording.fault(id), print_exception=False) from None
            request_log.write(id, "CALL", name, "answered", started, papers(answer))
            return answer

        return call

    return decorate
