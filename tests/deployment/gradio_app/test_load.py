"""Many users at the Gradio app: a real server on loopback, with a queue that is too short for all of them."""

import pytest

from deployment.gradio_app import layout
from deployment.gradio_app.server import serve
from paper_tasks.benchmark.load import FRONT_ENDS, different_papers, simulate_users
from tests.deployment.server import free_port
from tests.stub import StubClassifier

pytestmark = pytest.mark.slow


def test_fifty_at_once_get_their_own_answer_or_a_stated_503(monkeypatch):
    monkeypatch.setattr(layout, "QUEUE_SIZE", 16)
    port = free_port()
    blocks = serve(StubClassifier(seconds=0.02), "127.0.0.1", port)
    try:
        seen = simulate_users(FRONT_ENDS["gradio"], f"http://127.0.0.1:{port}", 50, 6, different_papers()[:80])
    finally:
        blocks.close(verbose=False)
    assert seen["errors"] == 0 and seen["mixed_up"] == 0, seen
    assert seen["answered"] >= 16 and seen["asked_to_retry"] > 0, seen
