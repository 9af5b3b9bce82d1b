"""The server itself: how many connections it has, and how long an address may be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import NoReturn, Self

import pytest

from tradestream.config import Address
from tradestream.errors import FatalError
from tradestream.kafka_ui import guard, service
from tradestream.kafka_ui.config import KafkaUiConfig
from tradestream.kafka_ui.service import application, serving

LOOPBACK = Address(address="127.0.0.1", port=0)
_PATIENCE_SECONDS = 10


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """The pages as the service serves them, with room for two connections."""
    monkeypatch.setattr(guard, "MOST_CONNECTIONS", 2)
    app = application(KafkaUiConfig(), {"bootstrap.servers": "127.0.0.1:1"})
    async with asyncio.timeout(_PATIENCE_SECONDS), serving(app, LOOPBACK) as port:
        yield port


class Connection:
    """A connection that stays open."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.transport.abort()

    async def ask(self, path: str = "/static/icon.svg") -> int:
        """Asks; returns the answer's status."""
        self._writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        return int(head.split()[1])

    async def all(self) -> bytes:
        """Returns all that comes until the other side closes."""
        return await self._reader.read()


async def test_a_connection_too_many_is_told_so_and_closed_though_the_others_ask_for_nothing(port: int) -> None:
    async with Connection(port) as first, Connection(port):
        async with Connection(port) as third:
            refusal = await third.all()
        assert refusal.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert b"\r\nRetry-After: 2\r\n" in refusal
        assert await first.ask() == 200


async def test_a_connection_that_ends_makes_room(port: int) -> None:
    async with Connection(port) as first:
        async with Connection(port) as second:
            assert await second.ask() == 200
        while True:  # the server hears of the end in a moment
            async with Connection(port) as third:
                if await third.ask() == 200:
                    break
        assert await first.ask() == 200


@pytest.mark.parametrize("path", ["/static/style.css", "/nowhere"])
async def test_a_connection_that_nobody_reads_from_ends(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(service, "_UNREAD_SECONDS", 0.5)
    async with asyncio.timeout(60), serving(application(KafkaUiConfig(), {}), LOOPBACK) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        with pytest.raises(ConnectionResetError):
            await _ask_on(writer, path)
        writer.transport.abort()


async def _ask_on(writer: asyncio.StreamWriter, path: str) -> NoReturn:
    while True:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * 1000)
        await writer.drain()


async def test_an_address_that_is_in_use_is_named(port: int) -> None:
    with pytest.raises(FatalError, match=f"cannot listen on 127.0.0.1:{port}: .*address already in use"):
        async with serving(application(KafkaUiConfig(), {}), Address(address="127.0.0.1", port=port)):
            pass
