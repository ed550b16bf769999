"""ASGI middleware between the internet and Gradio: a limit for bodies, and the time to retry."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi.responses import JSONResponse

from deployment.gradio_app.gradio_patches import TOO_LARGE, BodyTooLarge

# Seconds after which to ask again where the queue is full.
RETRY_AFTER = 2

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class BodyLimit:
    """Answers 413 to a request with a body of more than `most` bytes, however it is sent."""

    def __init__(self, app: App, most: int) -> None:
        self._app, self._most = app, most

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Passes a request on, and counts the bytes that are read of it."""
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
                # Within the app, which turns it into an answer.
                raise BodyTooLarge
            return message

        return await self._app(scope, counted, send)


class RetryAfter:
    """Adds the header Retry-After to a 503, which Gradio answers where its queue is full."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Passes a request on, and adds the header to its answer."""

        async def with_header(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 503:
                header = (b"retry-after", str(RETRY_AFTER).encode())
                message = dict(message, headers=[*message.get("headers", ()), header])
            await send(message)

        await self._app(scope, receive, with_header)
