"""Serves the page and its API by waitress: one process, whose threads share one model."""

import waitress
from flask import Flask
from waitress.server import BaseWSGIServer, MultiSocketServer

from deployment.common.limits import QUEUE_SIZE
from deployment.flask_app.views import BODY_BYTES


def create_server(app: Flask, host: str, port: int) -> BaseWSGIServer | MultiSocketServer:
    """Waitress, listening and not yet serving. Raises OSError if the port is taken, ValueError for an unknown host."""
    return waitress.create_server(
        app,
        host=host,
        port=port,
        # One for each request in the queue, and some for the page and for answers that the queue is full.
        threads=QUEUE_SIZE + 8,
        connection_limit=4 * QUEUE_SIZE,
        channel_timeout=30,
        # While it looks for the next request of a client, it notices that the client has gone.
        channel_request_lookahead=1,
        # Never writes to a disk what Flask reads.
        inbuf_overflow=BODY_BYTES + 1,
        # Flask refuses with a sentence; far above its limit, waitress does not wait for the rest of a body.
        max_request_body_size=8 * BODY_BYTES,
        ident=None,
    )
