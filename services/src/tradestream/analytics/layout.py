"""The tables that are stored: their directories and their columns, with types as both Spark and DuckDB name them.

The job writes them and `tradestream.ask` reads them; nothing here needs either of the two.
"""

from __future__ import annotations

PARTITIONS = {
    "trades": ("exchange", "date", "symbol"),
    "candles": ("exchange", "interval", "date"),
    "signals": ("exchange", "date"),
}
"""Of each table the columns that are directories, from the outermost on."""

ORDER = {"trades": "trade_id", "candles": "open_time", "signals": "time"}
"""Of each table the column by which the rows of a file are sorted."""

DATED = {"trades": "trade_time", "candles": "open_time", "signals": "time"}
"""Of each table the column that says of which day a row is, in milliseconds since 1970."""

PARQUET = "FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, COMPRESSION_LEVEL 1"
"""How DuckDB writes what lands and what is stored: at a higher level files are no smaller, as columns are encoded."""

LOCK = "_lock"
"""Held while files come to where readers look, change places there, or are read as one whole."""

UNIQUE = ("event_id", "trade_id", "trade_time", "trade_time_us", "timestamp", "kafka_offset", "kafka_timestamp")
"""Columns of trades that have hardly a value twice."""

_PRICE, _QUANTITY, _SUM = "decimal(22,12)", "decimal(22,8)", "decimal(38,8)"

TRADE = {
    "event_id": "string",
    "trade_id": "bigint",
    "price": _PRICE,
    "quantity": _QUANTITY,
    "trade_time": "bigint",
    "trade_time_us": "bigint",
    "buyer_is_maker": "boolean",
    "timestamp": "timestamp",
    "kafka_partition": "int",
    "kafka_offset": "bigint",
}
"""Without the columns that are directories."""

CANDLE = {
    "exchange": "string",
    "symbol": "string",
    "interval": "string",
    "open_time": "bigint",
    "close_time": "bigint",
    "open": _PRICE,
    "high": _PRICE,
    "low": _PRICE,
    "close": _PRICE,
    "volume": _SUM,
    "quote_volume": "decimal(38,20)",
    "vwap": "decimal(38,18)",
    "trade_count": "bigint",
    "buy_volume": _SUM,
    "sell_volume": _SUM,
    "price_change": "decimal(23,12)",
    "price_change_percent": _SUM,
    "first_trade_id": "bigint",
    "last_trade_id": "bigint",
    "missing_trades": "bigint",
}

SIGNAL = {
    "signal_id": "string",
    "rule": "string",
    "type": "string",
    "exchange": "string",
    "symbol": "string",
    "interval": "string",
    "open_time": "bigint",
    "time": "bigint",
    "evidence": "string",
}

LANDED = {"valid": "boolean", "exchange": "string", "symbol": "string", **TRADE}
"""What is needed of a batch that landed, to store its trades."""

STORED = {"trades": TRADE, "candles": CANDLE, "signals": SIGNAL}
"""Of each table its columns."""
