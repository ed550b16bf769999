"""The log of the app: a line for each request, and a line for each call of a function, which may wait in a queue.

A call's line has the id of the request that asked for it.
"""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import gradio as gr

from deployment.common import request_log, wording
from deployment.gradio_app.gradio_patches import current_request
from deployment.gradio_app.middleware import App, Message, Receive, Send

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")

_HEADER = request_log.ID_HEADER.lower().encode()
# The page is made of some sixty files, and keeps one request open for as long as it is open.
_QUIET = ("/assets/", "/static/", "/theme.css", "/svelte/", "/gradio_api/heartbeat/", "/gradio_api/startup-events")


class RequestLog:
    """ASGI middleware: gives each request an id, returns it in the header `X-Request-Id`, and logs the request.

    It logs requests for the parts of the page only if they fail.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        request_log.set_up()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Passes a request on, with its id among its headers, where the functions find it."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        headers = dict(scope["headers"])
        id = request_log.request_id(headers.get(_HEADER, b"").decode("latin-1"))
        others = [(name, value) for name, value in scope["headers"] if name != _HEADER]
        scope = dict(scope, headers=[*others, (_HEADER, id.encode())])
        started, status, fault = time.perf_counter(), 500, None

        async def with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = dict(message, headers=[*message.get("headers", ()), (_HEADER, id.encode())])
            await send(message)

        try:
            await self._app(scope, receive, with_id)
        except Exception as error:
            fault = request_log.describe(error)
            raise
        finally:
            if status >= 400 or not scope["path"].startswith(_QUIET):
                request_log.write(id, scope["method"], scope["path"], status, started, fault=fault)


def logged(
    name: str, papers: Callable[[Any], int] = lambda answer: 1
) -> Callable[[Callable[Parameters, Answer]], Callable[Parameters, Answer]]:
    """Logs each call of a function under this name: as "answered", "refused" or "failed", and with its time.

    `papers` counts the papers of an answer. An error that is not a gr.Error becomes one that names the request and
    nothing else. Its own words may quote a text, so they are neither logged nor sent.
    """

    def decorate(function: Callable[Parameters, Answer]) -> Callable[Parameters, Answer]:
        @wraps(function)
        def call(*arguments: Parameters.args, **named: Parameters.kwargs) -> Answer:
            request = current_request()
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
