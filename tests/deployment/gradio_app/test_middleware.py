"""The body limit, over an ASGI app in memory."""

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.middleware import Middleware

from deployment.gradio_app.middleware import BodyLimit

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
async def client():
    app = FastAPI(middleware=[Middleware(BodyLimit, most=100)])

    @app.post("/")
    async def length(request: Request) -> int:
        return len(await request.body())

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as client:
        yield client


async def pieces(count):
    for _ in range(count):
        yield b"x" * 10


async def test_a_body_up_to_the_limit_is_read(client):
    assert (await client.post("/", content=b"x" * 100)).json() == 100
    assert (await client.post("/", content=pieces(10))).json() == 100


async def test_a_larger_body_gets_413_with_or_without_a_length(client):
    for content in (b"x" * 101, pieces(11)):
        answer = await client.post("/", content=content)
        assert answer.status_code == 413 and answer.json() == {"detail": "The request is too large."}


async def test_an_invalid_length_gets_413(client):
    assert (await client.post("/", content=b"x", headers={"Content-Length": "-1"})).status_code == 413
