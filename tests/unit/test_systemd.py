from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tradestream import systemd


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """What systemd listens on."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        yield listener


def test_a_state_reaches_the_manager(manager: socket.socket) -> None:
    systemd.notify("READY=1\nSTATUS=connected")
    assert manager.recv(100) == b"READY=1\nSTATUS=connected"


def test_without_a_manager_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    systemd.notify("READY=1")


def test_what_takes_long_is_given_the_time(manager: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd, "_EXTEND_SECONDS", 0.01)
    with systemd.extended():
        assert [manager.recv(100) for _ in range(3)] == [b"EXTEND_TIMEOUT_USEC=20000"] * 3
    manager.setblocking(False)  # noqa: FBT003 - so it is called
    with suppress(BlockingIOError):
        while manager.recv(100):
            pass
    systemd.notify("READY=1")
    assert manager.recv(100) == b"READY=1"


async def test_the_watchdog_is_pinged_while_the_loop_turns(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    pinging = asyncio.create_task(systemd.watchdog())
    for _ in range(3):
        assert await asyncio.to_thread(manager.recv, 100) == b"WATCHDOG=1"
    pinging.cancel()


async def test_without_a_watchdog_there_is_no_ping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    await systemd.watchdog()
