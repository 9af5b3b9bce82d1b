"""Small storage as the Spark job leaves it: same directories, columns and types, candles by the job's own book."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from tradestream.analytics.candles import MINUTE_MS, Candle, CandleBook, Key, Partial, Update
from tradestream.analytics.intervals import interval_name
from tradestream.analytics.publish import fields
from tradestream.trade import event_id

DAY = 1_610_064_000_000
"""2021-01-08T00:00Z in ms."""

_PRICE, _QUANTITY, _SUM = pa.decimal128(22, 12), pa.decimal128(22, 8), pa.decimal128(38, 8)
_TRADES = pa.schema(
    {
        "event_id": pa.string(),
        "trade_id": pa.int64(),
        "price": _PRICE,
        "quantity": _QUANTITY,
        "trade_time": pa.int64(),
        "trade_time_us": pa.int64(),
        "buyer_is_maker": pa.bool_(),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "kafka_partition": pa.int32(),
        "kafka_offset": pa.int64(),
    }
)
_CANDLES = pa.schema(
    {
        "symbol": pa.string(),
        "open_time": pa.int64(),
        "close_time": pa.int64(),
        **dict.fromkeys(("open", "high", "low", "close"), _PRICE),
        "volume": _SUM,
        "quote_volume": pa.decimal128(38, 20),
        "vwap": pa.decimal128(38, 18),
        "trade_count": pa.int64(),
        "buy_volume": _SUM,
        "sell_volume": _SUM,
        "price_change": pa.decimal128(23, 12),
        "price_change_percent": _SUM,
        "first_trade_id": pa.int64(),
        "last_trade_id": pa.int64(),
        "missing_trades": pa.int64(),
    }
)


class T(NamedTuple):
    """A trade, in the order in which it came to Kafka."""

    id: int
    second: int
    price: str = "100.5"
    quantity: str = "0.25"
    maker: bool = False
    received: int | None = None
    """Second of its receipt; that of the trade where there is none."""


def store(root: Path, trades: Iterable[T], exchange: str = "binance", symbol: str = "BTCUSDT") -> int:
    """Stores trades and the candles that they close; offsets are their places. Returns how many were late."""
    book = CandleBook([MINUTE_MS, 5 * MINUTE_MS], 5 * MINUTE_MS)
    given = list(trades)
    write_trades(root, Key(exchange, symbol), enumerate(given))
    counted: list[T] = []
    write_candles(root, closed(book, symbol, given, exchange, counted))
    return len(given) - len(counted)


def closed(
    book: CandleBook, symbol: str, trades: Iterable[T], exchange: str = "binance", counted: list[T] | None = None
) -> list[Update]:
    """The candles that trades close, and into ``counted`` those that were not late."""
    updates: list[Update] = []
    for offset, trade in enumerate(trades):
        partial = _partial(Key(exchange, symbol), trade, offset)
        if not book.late([partial]):
            updates += book.apply([partial], {partial.key: [(trade.id, trade.id)]})
            if counted is not None:
                counted.append(trade)
    return [update for update in updates if update.is_closed]


def _partial(key: Key, trade: T, offset: int) -> Partial:
    time, price, quantity = DAY + trade.second * 1000, Decimal(trade.price), Decimal(trade.quantity)
    candle = Candle(
        open_time=time // MINUTE_MS * MINUTE_MS,
        open=price,
        high=price,
        low=price,
        close=price,
        volume=quantity,
        quote_volume=price * quantity,
        buy_volume=Decimal(0) if trade.maker else quantity,
        trade_count=1,
        first_trade_id=trade.id,
        last_trade_id=trade.id,
    )
    return Partial(key, candle, offset, offset, offset, time)


def write_trades(root: Path, key: Key, trades: Iterable[tuple[int, T]], name: str = "a") -> None:
    """Writes trades, each with its offset, a file a day."""
    days: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for offset, trade in trades:
        row = _row(key, trade, offset)
        days[_date(row["trade_time"])].append(row)
    for date, rows in days.items():
        place = f"exchange={key.exchange}/date={date}/symbol={quote(key.symbol, safe='')}"
        _write(root / "trades" / place / f"{name}.parquet", sorted(rows, key=lambda row: row["trade_id"]), _TRADES)


def _row(key: Key, trade: T, offset: int) -> dict[str, Any]:
    received = DAY // 1000 + (trade.second if trade.received is None else trade.received)
    return {
        "event_id": event_id(*key, trade.id),
        "trade_id": trade.id,
        "price": Decimal(trade.price),
        "quantity": Decimal(trade.quantity),
        "trade_time": DAY + trade.second * 1000,
        "trade_time_us": None,
        "buyer_is_maker": trade.maker,
        "timestamp": datetime.fromtimestamp(received, UTC),
        "kafka_partition": 0,
        "kafka_offset": offset,
    }


def write_candles(root: Path, updates: Iterable[Update], name: str = "a") -> None:
    """Writes closed candles, a file for each exchange, interval and day."""

    def place(update: Update) -> tuple[str, str, str]:
        return update.key.exchange, interval_name(update.interval), _date(update.candle.open_time)

    for (exchange, interval, date), group in groupby(sorted(updates, key=place), place):
        directory = root / "candles" / f"exchange={exchange}" / f"interval={interval}" / f"date={date}"
        own = sorted(group, key=lambda update: update.candle.open_time)
        rows = [{field: fields(update)[field] for field in _CANDLES.names} for update in own]
        _write(directory / f"{name}-{rows[0]['symbol'].replace('/', '')}.parquet", rows, _CANDLES)


def edit(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """Writes a file anew, as Spark writes them."""
    pq.write_table(change(pq.ParquetFile(path).read()), path, use_deprecated_int96_timestamps=True)


def _date(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).date().isoformat()


def _write(path: Path, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema), path, compression="zstd")
