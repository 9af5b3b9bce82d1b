from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest

from tradestream.config import DEFAULT_SYMBOLS
from tradestream.dump import Row, parse
from tradestream.simulator.market import Walk

NOW = 1_735_689_600_000_000


def walk(symbol: str, seed: int, count: int) -> list[Row]:
    """Returns the first trades of a walk."""
    one = Walk(symbol, seed, None)
    return [one.next(NOW + number) for number in range(count)]


@pytest.mark.parametrize("symbol", [*DEFAULT_SYMBOLS, "SOMETHINGELSE"])
def test_trades_are_such_as_the_exchange_publishes(symbol: str) -> None:
    trades = walk(symbol, 1, 500)
    for row in trades:
        assert parse(",".join(map(str, row)), "here") == row
        assert len(row.price.partition(".")[2]) == len(row.quantity.partition(".")[2]) == 8
        assert Decimal(row.price) * Decimal(row.quantity) == Decimal(row.quote_quantity)
    assert [row.trade_id for row in trades] == list(range(1, 501))
    assert len({row.price for row in trades}) > 1
    assert {row.buyer_is_maker for row in trades} == {True, False}


def test_the_same_seed_gives_the_same_trades_and_another_does_not() -> None:
    assert walk("BTCUSDT", 1, 50) == walk("BTCUSDT", 1, 50)
    assert walk("BTCUSDT", 1, 50) != walk("BTCUSDT", 2, 50)


def test_a_walk_goes_on_after_the_last_trade() -> None:
    last = walk("BTCUSDT", 1, 50)[-1]
    following = Walk("BTCUSDT", 1, last).next(last.time + 1)
    assert following.trade_id == last.trade_id + 1
    assert abs(float(following.price) / float(last.price) - 1) < 0.01


def test_a_clock_that_goes_back_does_not_take_trades_along() -> None:
    one = Walk("BTCUSDT", 1, None)
    times = [one.next(now).time for now in (NOW, NOW - 1_000_000, NOW + 1)]
    assert all(earlier <= later for earlier, later in pairwise(times))


def test_no_two_trades_of_kraken_have_the_same_time() -> None:
    one = Walk("BTC/USD", 1, None)
    times = [one.next(now).time for now in (NOW, NOW, NOW - 5, NOW + 10)]
    assert times == [NOW, NOW + 1, NOW + 2, NOW + 10]


@pytest.mark.parametrize(("symbol", "digits"), [("BTC-USD", 2), ("BTC/USD", 2), ("DOGE/USD", 5), ("NEW-COIN", 2)])
def test_other_exchanges_write_prices_without_zeros_at_the_end(symbol: str, digits: int) -> None:
    for row in walk(symbol, 1, 100):
        assert parse(",".join(map(str, row)), "here") == row
        assert len(row.price.partition(".")[2]) == digits
        assert Decimal(row.price) * Decimal(row.quantity) == Decimal(row.quote_quantity)
