"""What a service tells systemd (sd_notify(3)); silent where systemd did not start it."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_EXTEND_SECONDS = 30.0


def notify(state: str) -> None:
    """Sends a state such as `READY=1` or `STATUS=connected` to the service manager."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.connect(address)
        sender.sendall(state.encode())


@contextmanager
def extended() -> Iterator[None]:
    """While something goes on that may take longer than the manager gives a start or an end."""
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            notify(f"EXTEND_TIMEOUT_USEC={2 * _EXTEND_SECONDS * 1e6:.0f}")
            over.wait(_EXTEND_SECONDS)

    asking = threading.Thread(target=ask, name="systemd")
    asking.start()
    try:
        yield
    finally:
        over.set()
        asking.join()


async def watchdog() -> None:
    """Pings the manager at half its watchdog's interval, for as long as the event loop turns."""
    interval = int(os.environ.get("WATCHDOG_USEC", "0")) / 2_000_000
    while interval:
        notify("WATCHDOG=1")
        await asyncio.sleep(interval)
