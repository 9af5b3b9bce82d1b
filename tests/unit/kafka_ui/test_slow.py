"""Browsers that ask for much and read none of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tradestream.kafka_ui import guard

_MUCH = b"x" * 32 * 1024 * 1024  # more than sockets hold
_ASKS = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TestServer]:
    """A server that lets one request in at once, and waits a second for who reads nothing."""
    monkeypatch.setattr(guard, "_WRITE_SECONDS", 1.0)

    async def much(_request: web.Request) -> web.Response:
        return web.Response(body=_MUCH)

    app = web.Application(middlewares=[guard.bounded(guard.Slots(1, "requests"), lambda _request: False)])
    app.add_routes([web.get("/", much)])
    server = TestServer(app)
    async with server:
        yield server


@asynccontextmanager
async def asking(server: TestServer) -> AsyncIterator[tuple[bytes, asyncio.StreamReader]]:
    """Asks; gives the beginning of the answer, and where the rest comes."""
    reader, writer = await asyncio.open_connection(server.host, server.port)
    try:
        writer.write(_ASKS)
        yield await reader.readuntil(b"\r\n\r\n"), reader
    finally:
        writer.transport.abort()


async def test_an_answer_that_nobody_reads_keeps_its_place_and_is_then_broken_off(
    server: TestServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with asyncio.timeout(30), asking(server) as (head, reader):
        assert head.startswith(b"HTTP/1.1 200")
        async with asking(server) as (second, _):
            assert second.startswith(b"HTTP/1.1 503")
        while not (second := await status(server)).startswith(b"HTTP/1.1 200"):
            assert second.startswith(b"HTTP/1.1 503")
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(len(_MUCH))
    assert not caplog.records


async def status(server: TestServer) -> bytes:
    """Asks, and reads all; returns the beginning."""
    async with asking(server) as (head, reader):
        if head.startswith(b"HTTP/1.1 200"):
            assert await reader.readexactly(len(_MUCH)) == _MUCH
        return head
