"""Many users at the Flask page: a real server on loopback, with a queue that is too short for all of them."""

from threading import Thread

import pytest

from deployment.flask_app.server import create_server
from deployment.flask_app.views import create_app
from paper_tasks.benchmark.load import FRONT_ENDS, different_papers, simulate_users
from tests.stub import StubClassifier

pytestmark = pytest.mark.slow


def test_fifty_at_once_get_their_own_answer_or_a_stated_503():
    server = create_server(create_app(StubClassifier(seconds=0.02), queue_size=16), "127.0.0.1", 0)
    Thread(target=server.run, daemon=True).start()
    try:
        seen = simulate_users(
            FRONT_ENDS["web"], f"http://127.0.0.1:{server.effective_port}", 50, 6, different_papers()[:80]
        )
    finally:
        server.close()
    assert seen["errors"] == 0 and seen["mixed_up"] == 0, seen
    # A busy machine may answer few in 6 seconds, but all that were in the queue.
    assert seen["answered"] >= 16 and seen["asked_to_retry"] > 0, seen
