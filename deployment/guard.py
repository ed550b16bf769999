"""What keeps the app safe to leave on the internet, besides the limits of each function: no large body, no fetching."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NoReturn

from fastapi import HTTPException
from gradio import processing_utils, routes

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


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
            return await _too_large(send)
        read, answered = 0, False

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._most:
                raise HTTPException(413)
            return message

        async def noted(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self._app(scope, counted, noted)
        except HTTPException as error:
            if error.status_code != 413 or answered:
                raise
            await _too_large(send)


def fetch_nothing() -> None:
    """Gradio fetches a public address that a client names in place of a file, with no limit; from now on it does not.

    It has no option for this. Two functions of 6.31 do it: for a file among the inputs, and for /gradio_api/file=.
    """
    processing_utils.async_ssrf_protected_download = _refuse_to_fetch
    routes.secure_url_stream_response = _refuse_to_fetch


async def _refuse_to_fetch(*_: Any, **__: Any) -> NoReturn:
    raise HTTPException(403, "Nothing is fetched from addresses here; upload the file.")


async def _too_large(send: Send) -> None:
    body = b'{"detail": "The request is too large."}'
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 413, "headers": [*headers, (b"connection", b"close")]})
    await send({"type": "http.response.body", "body": body})
