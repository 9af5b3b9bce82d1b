"""Asking the exchange whether it trades what is configured: an unknown symbol's stream is silent for ever."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import aiohttp

from tradestream.errors import ConfigError
from tradestream.logs import line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradestream.exchange import Exchange

log = logging.getLogger(__name__)

_TIMEOUT = aiohttp.ClientTimeout(total=5)


async def check_symbols(exchange: Exchange, base: str, symbols: Sequence[str]) -> None:
    """Refuses symbols that the exchange does not know; an exchange that is away is no reason not to start.

    Raises:
        ConfigError: names the unknown symbols.
    """
    try:
        async with aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=True) as session:
            if await _known(session, exchange.symbols_url(base, symbols)):
                return
            unknown = [s for s in symbols if not await _known(session, exchange.symbols_url(base, [s]))]
    except (aiohttp.ClientError, OSError) as error:
        log.warning(line("symbols_not_checked", detail=f"{type(error).__name__}: {error}"))
        return
    if unknown:
        raise ConfigError(f"symbols: {exchange.name} does not trade {', '.join(unknown)}")


async def _known(session: aiohttp.ClientSession, url: str) -> bool:
    async with session.get(url) as response:
        if response.status == 400:  # noqa: PLR2004 - Binance: {"code":-1121,"msg":"Invalid symbol."}
            return False
        response.raise_for_status()
        return True
