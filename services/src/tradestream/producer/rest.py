"""Asking an exchange over REST, no more often than it allows."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Self

import aiohttp

from tradestream.errors import ExchangeRefusedError, TransientError

if TYPE_CHECKING:
    from types import TracebackType

    from tradestream.exchange import Limits

_TIMEOUT = aiohttp.ClientTimeout(total=15, connect=5)
_CHUNK_BYTES = 64 * 1024
_MAX_BYTES = 8 * 1024 * 1024
_BAN_STATUS = frozenset({418, 429})
_BAN_SECONDS = 60.0
"""How long to be silent after 429 or 418 without a Retry-After."""
_MIN_BAN_SECONDS = 1.0


class Budget:
    """Requests that may be sent: a bucket that fills steadily, and is closed while the exchange says so."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._left = float(limits.burst)
        self._at = time.monotonic()
        self._closed_until = 0.0
        self._turn = asyncio.Lock()

    async def take(self) -> None:
        """Waits until a request may be sent; those who wait are served in turn."""
        async with self._turn:
            while (wait := self._wait()) > 0:  # noqa: ASYNC110 - it is time that is waited for
                await asyncio.sleep(wait)
            self._left -= 1

    def close(self, seconds: float) -> None:
        """Lets nobody through for so long."""
        self._closed_until = max(self._closed_until, time.monotonic() + seconds)

    def _wait(self) -> float:
        now = time.monotonic()
        self._left = min(self._limits.burst, self._left + (now - self._at) * self._limits.per_second)
        self._at = now
        return max((1 - self._left) / self._limits.per_second, self._closed_until - now)


class Rest:
    """A client for one exchange, within its limits. Use it as an asynchronous context."""

    def __init__(self, limits: Limits) -> None:
        self._budget = Budget(limits)

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def get(self, url: str) -> tuple[int, bytes]:
        """Asks once; returns the status, which is below 500, and the body.

        Raises:
            TransientError: no answer, a server's error, or too many requests: then the next one waits as told.
            ExchangeRefusedError: the answer is larger than any that is asked for.
        """
        await self._budget.take()
        try:
            async with self._session.get(url) as response:
                body = await _body(response)
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            raise TransientError(f"{type(error).__name__}: {error}") from error
        if response.status in _BAN_STATUS:
            seconds = _retry_after(response.headers.get("Retry-After"))
            self._budget.close(seconds)
            raise TransientError(f"HTTP {response.status}, to be asked again in {seconds:g} s")
        if response.status >= 500:  # noqa: PLR2004 - HTTP's server errors
            raise TransientError(f"HTTP {response.status}")
        return response.status, body


async def _body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        body += chunk
        if len(body) > _MAX_BYTES:
            raise ExchangeRefusedError(f"{response.url} answers with more than {_MAX_BYTES} bytes")
    return bytes(body)


def _retry_after(text: str | None) -> float:
    """Reads the header in its form of seconds, the one that exchanges send."""
    if text is None or not text.strip().isdecimal():
        return _BAN_SECONDS
    return max(_MIN_BAN_SECONDS, float(text))
