"""Asking the exchange whether it trades what is configured: an unknown symbol's stream is silent for ever."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tradestream.errors import ConfigError, RejectedError, TransientError
from tradestream.logs import line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradestream.exchange import Exchange
    from tradestream.producer.rest import Rest

log = logging.getLogger(__name__)


async def check_symbols(exchange: Exchange, rest: Rest, base: str, symbols: Sequence[str]) -> None:
    """Refuses symbols that the exchange does not know; an exchange that is away is no reason not to start.

    Raises:
        ConfigError: names the unknown symbols.
    """
    try:
        unknown = await _unknown(exchange, rest, base, symbols)
        if len(unknown) > 1:  # one may have spoilt the answer for all
            unknown = [symbol for symbol in unknown if await _unknown(exchange, rest, base, [symbol])]
    except (TransientError, RejectedError) as error:
        log.warning(line("symbols_not_checked", detail=error))
        return
    if unknown:
        raise ConfigError(f"symbols: {exchange.name} does not trade {', '.join(unknown)}")


async def _unknown(exchange: Exchange, rest: Rest, base: str, symbols: Sequence[str]) -> Sequence[str]:
    status, body = await rest.get(exchange.symbols_url(base, symbols))
    return exchange.unknown_symbols(status, body, symbols)
