"""A candle computed from the rows of a dump, in the plainest way there is."""

from __future__ import annotations

import csv
from decimal import ROUND_HALF_EVEN, Context, Decimal
from pathlib import Path

EXACT = Context(prec=100, rounding=ROUND_HALF_EVEN)


def rows(dump: Path) -> list[dict[str, object]]:
    """Trades of a dump without a header, with exact numbers, in the order of their ids."""
    with dump.open() as lines:
        trades: list[dict[str, object]] = [
            {
                "id": int(trade_id),
                "price": Decimal(price),
                "quantity": Decimal(quantity),
                "time": int(time),
                "taker_bought": maker == "False",
            }
            for trade_id, price, quantity, _, time, maker, _ in csv.reader(lines)
        ]
    return sorted(trades, key=lambda trade: trade["id"])  # type: ignore[arg-type, return-value]


def candles(dump: Path, minutes: int) -> dict[int, dict[str, Decimal]]:
    """Candles by open time, each field a number."""
    length = minutes * 60_000
    windows: dict[int, list[dict[str, object]]] = {}
    for trade in rows(dump):
        windows.setdefault(int(str(trade["time"])) // length * length, []).append(trade)
    return {open_time: _candle(open_time, length, trades) for open_time, trades in windows.items()}


def _candle(open_time: int, length: int, trades: list[dict[str, object]]) -> dict[str, Decimal]:
    prices = [Decimal(str(trade["price"])) for trade in trades]
    quantities = [Decimal(str(trade["quantity"])) for trade in trades]
    ids = [int(str(trade["id"])) for trade in trades]
    volume = sum(quantities, Decimal())
    quote = sum((EXACT.multiply(*pair) for pair in zip(prices, quantities, strict=True)), Decimal())
    bought = sum(
        (quantity for quantity, trade in zip(quantities, trades, strict=True) if trade["taker_bought"]), Decimal()
    )
    return {
        "open_time": Decimal(open_time),
        "close_time": Decimal(open_time + length - 1),
        "open": prices[0],
        "high": max(prices),
        "low": min(prices),
        "close": prices[-1],
        "volume": volume,
        "quote_volume": quote,
        "vwap": EXACT.divide(quote, volume).quantize(Decimal(1).scaleb(-18), context=EXACT),
        "trade_count": Decimal(len(trades)),
        "buy_volume": bought,
        "sell_volume": volume - bought,
        "price_change": prices[-1] - prices[0],
        "price_change_percent": EXACT.divide((prices[-1] - prices[0]) * 100, prices[0]).quantize(
            Decimal(1).scaleb(-8), context=EXACT
        ),
        "first_trade_id": Decimal(ids[0]),
        "last_trade_id": Decimal(ids[-1]),
        "missing_trades": Decimal(ids[-1] - ids[0] + 1 - len(ids)),
    }
