"""How each exchange writes its pairs: BTCUSDT is one of Binance's, BTC-USD of Coinbase's, BTC/USD of Kraken's."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

ExchangeName = Literal["binance", "coinbase", "kraken"]


def exchange_of(symbol: str) -> ExchangeName:
    """Returns the exchange that writes its pairs like this one."""
    if "-" in symbol:
        return "coinbase"
    return "kraken" if "/" in symbol else "binance"


def log_path(folder: Path, symbol: str) -> Path:
    """Returns where a market's log is: SYMBOL.csv for Binance's, EXCHANGE/BASE-QUOTE.csv for the others'."""
    exchange = exchange_of(symbol)
    base = folder if exchange == "binance" else folder / exchange
    return base / f"{symbol.replace('/', '-')}.csv"
