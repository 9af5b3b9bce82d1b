"""Events as the topics have them, with what a test does not care about filled in."""

from __future__ import annotations

from typing import Any

import msgspec

from tradestream.trade import Trade, event_id, iso_utc
from tradestream.watch.messages import Candle, Signal

NOW_MS = 1_610_064_600_000
"""2021-01-08 00:10 UTC."""


def trade(price: str = "39432.48", trade_id: int = 1, **fields: Any) -> Trade:  # noqa: ANN401
    """A trade of now."""
    values = {"exchange": "binance", "symbol": "BTCUSDT", "trade_time": NOW_MS, "quantity": "0.1", **fields}
    return Trade(
        event_id=event_id(values["exchange"], values["symbol"], trade_id),
        event_type="trade",
        price=price,
        timestamp=iso_utc(NOW_MS * 1_000_000),
        buyer_is_maker=True,
        trade_id=trade_id,
        **values,
    )


def candle(minute: int = 0, close: str = "39400", **fields: Any) -> Candle:  # noqa: ANN401
    """A closed candle that opened so many minutes before now."""
    values = {
        "exchange": "binance",
        "symbol": "BTCUSDT",
        "interval": "1m",
        "open_time": NOW_MS - minute * 60_000,
        "open": "39000",
        "high": "39999.5",
        "low": "38888.8",
        "volume": "12.345",
        "trade_count": 321,
        "missing_trades": 0,
        "is_closed": True,
    }
    return Candle(**{**values, "close": close, **fields})


def signal(rule: str = "price-move", **fields: Any) -> Signal:  # noqa: ANN401
    """A signal of now."""
    values = {"exchange": "binance", "symbol": "BTCUSDT", "interval": "1m", "time": NOW_MS}
    return Signal(**{**values, "rule": rule, "evidence": {"direction": "up", "percent": "1.5"}, **fields})


def message(event: object) -> bytes:
    """An event as its topic has it."""
    return msgspec.json.encode(event)
