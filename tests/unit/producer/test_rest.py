from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from tradestream.errors import ExchangeRefusedError, TransientError
from tradestream.exchange import Limits
from tradestream.producer.rest import Rest

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[[Answer], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serves one answer on loopback; gives its address."""
    runners = []

    async def start(answer: Answer) -> str:
        app = web.Application()
        app.router.add_get("/", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        runners.append(runner)
        return f"http://127.0.0.1:{runner.addresses[0][1]}/"

    yield start
    for runner in runners:
        await runner.cleanup()


def in_pieces(body: bytes, count: int) -> Answer:
    """An answer that comes in so many pieces."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        size = len(body) // count
        for start in range(0, len(body), size):
            await response.write(body[start : start + size])
        return response

    return answer


def status(code: int, **headers: str) -> Answer:
    """An answer of nothing but its status."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=code, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return answer


def rest() -> Rest:
    return Rest(Limits(per_second=100.0, burst=100))


async def test_an_answer_that_comes_in_pieces_is_read_whole(serve: Serve) -> None:
    body = bytes(range(256)) * 4096
    url = await serve(in_pieces(body, 40))
    async with rest() as client:
        assert await client.get(url) == (200, body)


async def test_an_answer_without_end_is_refused(serve: Serve) -> None:
    url = await serve(in_pieces(bytes(9 * 1024 * 1024), 9))
    async with rest() as client:
        with pytest.raises(ExchangeRefusedError, match="more than 8388608 bytes"):
            await client.get(url)


async def test_a_refusal_is_the_callers_to_read(serve: Serve) -> None:
    url = await serve(status(404))
    async with rest() as client:
        assert (await client.get(url))[0] == 404


@pytest.mark.parametrize("code", [500, 502, 503])
async def test_a_servers_error_may_pass(serve: Serve, code: int) -> None:
    url = await serve(status(code))
    async with rest() as client:
        with pytest.raises(TransientError, match=f"HTTP {code}"):
            await client.get(url)


async def test_nobody_there_may_pass() -> None:
    async with rest() as client:
        with pytest.raises(TransientError, match="Connect"):
            await client.get("http://127.0.0.1:1/")


@pytest.mark.parametrize("code", [418, 429])
async def test_what_retry_after_says_is_waited_for(serve: Serve, code: int) -> None:
    answers = [status(code, Retry_After="1"), status(200)]

    async def answer(request: web.Request) -> web.StreamResponse:
        return await answers.pop(0)(request)

    url = await serve(answer)
    async with rest() as client:
        with pytest.raises(TransientError, match="asked again in 1 s"):
            await client.get(url)
        asked = time.monotonic()
        assert (await client.get(url))[0] == 200
        assert time.monotonic() - asked > 0.9
