"""What keeps the app safe to leave on the internet, besides the limits of each function: no large body, no fetching."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NoReturn

from fastapi import HTTPException
from fastapi.responses import JSONResponse
from gradio import processing_utils, routes
from starlette.formparsers import MultiPartException

# Seconds after which it is worth asking again, where the queue is full.
RETRY_AFTER = 2
TOO_LARGE = "The request is too large."

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class _TooLarge(HTTPException, MultiPartException):
    """Also of the kind upon which Gradio's parser of uploads removes what it has written, and answers by its words."""

    def __init__(self) -> None:
        HTTPException.__init__(self, 413, TOO_LARGE)
        self.message = "The request exceeds the maximum allowed size."


class BodyLimit:
    """ASGI middleware: a request with a body of more than `most` bytes gets 413, however it is sent."""

    def __init__(self, app: Callable[..., Awaitable[None]], most: int) -> None:
        self._app, self._most = app, most

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Passes a request on, and counts what is read of it."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        sizes = [value for name, value in scope["headers"] if name == b"content-length"]
        if any(not size.isdigit() or int(size) > self._most for size in sizes):
            return await JSONResponse({"detail": TOO_LARGE}, 413)(scope, receive, send)
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._most:
                # Raised within the app, which answers it.
                raise _TooLarge
            return message

        return await self._app(scope, counted, send)


class RetryAfter:
    """ASGI middleware: a 503, which Gradio answers where its queue is full, tells when to come back."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Passes a request on, and adds the header to its answer."""

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 503:
                header = (b"retry-after", str(RETRY_AFTER).encode())
                message = message | {"headers": [*message.get("headers", ()), header]}
            await send(message)

        await self._app(scope, receive, told)


def fetch_nothing() -> None:
    """Gradio fetches a public address that a client names in place of a file, with no limit; from now on it does not.

    It has no option for this. Two functions of 6.31 do it: for a file among the inputs, and for /gradio_api/file=.
    """
    processing_utils.async_ssrf_protected_download = _refuse_to_fetch
    routes.secure_url_stream_response = _refuse_to_fetch


async def _refuse_to_fetch(*_: Any, **__: Any) -> NoReturn:
    raise HTTPException(403, "Nothing is fetched from addresses here; upload the file.")
