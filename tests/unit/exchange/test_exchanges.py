from __future__ import annotations

from typing import get_args, get_type_hints

import msgspec
import pytest

from tradestream.exchange import EXCHANGES
from tradestream.producer.config import FeedConfig


def test_each_exchange_goes_by_its_name_in_lower_case() -> None:
    assert {name: exchange().name for name, exchange in EXCHANGES.items()} == {name: name for name in EXCHANGES}
    assert all(name == name.lower() for name in EXCHANGES)


def test_a_configuration_may_name_each_exchange() -> None:
    assert set(get_args(get_type_hints(FeedConfig)["exchange"])) == set(EXCHANGES)


@pytest.mark.parametrize(
    ("name", "symbol", "pair"),
    [
        ("binance", "BTCUSDT", "BTCUSDT"),
        ("binance", "BTC-USDT", "BTCUSDT"),
        ("binance", "1INCH/USDT", "1INCHUSDT"),
        ("coinbase", "BTC-USD", "BTC-USD"),
        ("coinbase", "BTC/USDT", "BTC-USDT"),
        ("kraken", "BTC/USD", "BTC/USD"),
        ("kraken", "BTC-USD", "BTC/USD"),
    ],
)
def test_a_pair_is_named_in_either_style(name: str, symbol: str, pair: str) -> None:
    exchange = EXCHANGES[name]()
    assert exchange.normalize(symbol) == pair
    assert exchange.normalize(pair) == pair


@pytest.mark.parametrize(
    ("name", "symbol", "like"),
    [
        ("binance", "BTC-USDT-X", "BTCUSDT, or BTC-USDT"),
        ("binance", "btcusdt", "BTCUSDT, or BTC-USDT"),
        ("binance", "BTC USDT", "BTCUSDT, or BTC-USDT"),
        ("binance", "A" * 25, "BTCUSDT, or BTC-USDT"),
        ("binance", "", "BTCUSDT, or BTC-USDT"),
        ("coinbase", "BTCUSD", "BTC-USD"),
        ("coinbase", "BTC-", "BTC-USD"),
        ("kraken", "BTCUSD", "BTC/USD, or BTC-USD"),
        ("kraken", "BTC/USD\n", "BTC/USD, or BTC-USD"),
    ],
)
def test_what_cannot_be_a_pair_is_refused_with_an_example(name: str, symbol: str, like: str) -> None:
    with pytest.raises(ValueError, match=f"they look like {like}"):
        EXCHANGES[name]().normalize(symbol)


def feed(**settings: object) -> FeedConfig:
    """Reads a configuration."""
    return msgspec.convert(settings, FeedConfig)


@pytest.mark.parametrize(
    ("exchange", "url"),
    [
        ("binance", "wss://stream.binance.com:9443"),
        ("coinbase", "wss://ws-feed.exchange.coinbase.com"),
        ("kraken", "wss://ws.kraken.com"),
    ],
)
def test_the_address_follows_the_exchange_unless_it_is_named(exchange: str, url: str) -> None:
    assert feed(exchange=exchange, symbols=["BTC-USD"]).url == url
    assert feed(exchange=exchange, symbols=["BTC-USD"], url="ws://10.1.2.3:9443").url == "ws://10.1.2.3:9443"


def test_symbols_stay_as_written_and_pairs_are_the_exchanges() -> None:
    config = feed(exchange="kraken", symbols=["BTC-USD", "ETH/EUR"])
    assert config.symbols == ("BTC-USD", "ETH/EUR")
    assert config.pairs == ("BTC/USD", "ETH/EUR")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"symbols": ["BTC-USDT", "BTCUSDT"]}, "symbols: names BTCUSDT more than once"),
        ({"exchange": "coinbase"}, "symbols: BTCUSDT is no pair of Coinbase: they look like BTC-USD"),
        ({"exchange": "kraken", "symbols": ["BTC/USD", "BTC-USD"]}, "symbols: names BTC/USD more than once"),
        ({"symbols": ["BTC/USDT/X"]}, "symbols"),
        ({"symbols": ["btc-usdt"]}, "symbols"),
        ({"url": ""}, "url"),
    ],
)
def test_pairs_that_are_none_of_the_exchange_are_refused_with_the_configuration(
    settings: dict[str, object], reason: str
) -> None:
    with pytest.raises(msgspec.ValidationError, match=reason):
        feed(**settings)
