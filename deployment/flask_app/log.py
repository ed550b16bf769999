"""The log of the Flask page: a line for each request."""

import time

from flask import Flask, Response, g, request

from deployment.common import request_log


def install(app: Flask) -> None:
    """Logs each request of `app`, and returns its id in the header `X-Request-Id`.

    A view may set `g.papers`, the number of papers in the request, and `g.fault`, a description of an error.
    """
    request_log.set_up()

    @app.before_request
    def start() -> None:
        g.id = request_log.request_id(request.headers.get(request_log.ID_HEADER, ""))
        g.started = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        response.headers[request_log.ID_HEADER] = g.id
        request_log.write(
            g.id, request.method, request.path, response.status_code, g.started, g.get("papers", 0), g.get("fault")
        )
        return response
