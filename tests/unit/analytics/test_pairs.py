from __future__ import annotations

import pytest

from tradestream.analytics.pairs import pair
from tradestream.config import DEFAULT_SYMBOLS


@pytest.mark.parametrize(
    ("symbol", "wanted"),
    [
        ("BTCUSDT", "BTC/USDT"),
        ("BTC-USDT", "BTC/USDT"),
        ("BTC/USDT", "BTC/USDT"),
        ("XBT/USD", "BTC/USD"),
        ("ETHBTC", "ETH/BTC"),
        ("USDCUSDT", "USDC/USDT"),
        ("BTCFDUSD", "BTC/FDUSD"),
        ("1INCHUSDT", "1INCH/USDT"),
        ("USDT", None),
        ("BTCXYZ", None),
        ("btc-usdt", None),
        ("A-B-C", None),
    ],
)
def test_how_three_exchanges_write_a_pair(symbol: str, wanted: str | None) -> None:
    assert pair(symbol) == wanted


def test_the_default_symbols_are_all_of_a_known_pair() -> None:
    assert [pair(symbol) for symbol in DEFAULT_SYMBOLS] == [f"{symbol[:-4]}/USDT" for symbol in DEFAULT_SYMBOLS]


def test_what_the_configuration_says_comes_first() -> None:
    assert pair("BTCXYZ", {"BTCXYZ": "BTC/XYZ"}) == "BTC/XYZ"
