"""The fast path finds in a message what a batch makes of the trade, and nothing where a batch may find no trade."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tradestream.analytics.candles import Key
from tradestream.analytics.evidence import BigTrade
from tradestream.analytics.indicators import IndicatorConfig
from tradestream.analytics.large_trades import LargeTrades
from tradestream.analytics.rules import AnyRule, LargeTrade, PriceMove
from tradestream.analytics.signals import Engine, message
from tradestream.trade import Trade, encode, event_id

NOW = 1_700_000_000_000
AHEAD = 300_000
RULES: list[AnyRule] = [
    PriceMove(),
    LargeTrade(amount=1000),
    LargeTrade(name="kraken", amount=0.3, exchanges=("kraken",)),
    LargeTrade(name="huge", amount=1e6),
]
FAST = LargeTrades(RULES, AHEAD)


def trade(price: str, quantity: str, **others: Any) -> Trade:  # noqa: ANN401
    values: dict[str, Any] = {
        "exchange": "binance",
        "symbol": "BTC/USDT",
        "trade_id": 7,
        "trade_time": NOW,
        "timestamp": "2023-11-14T22:13:20.000123Z",
        "buyer_is_maker": True,
        **others,
    }
    own = event_id(values["exchange"], values["symbol"], values["trade_id"])
    return Trade(event_id=own, event_type="trade", price=price, quantity=quantity, **values)


def by_batch(each: Trade) -> list[bytes]:
    """What a batch publishes, which has the numbers with as many digits as their columns."""
    row = BigTrade(
        Key(each.exchange, each.symbol),
        each.trade_id,
        Decimal(each.price).quantize(Decimal("1e-12")),
        Decimal(each.quantity).quantize(Decimal("1e-8")),
        each.trade_time,
        each.buyer_is_maker,
        0,
    )
    return [message(signal).value for signal in Engine(RULES, IndicatorConfig()).traded([row])]


def by_fast_path(value: bytes, arrived: int = NOW) -> list[bytes]:
    found = FAST.find(value, arrived)
    return [message(signal).value for signal in found[1]] if found else []


def numbers(whole: int, fraction: int) -> st.SearchStrategy[str]:
    digits = rf"\A0{{0,2}}[1-9][0-9]{{0,{whole}}}(\.[0-9]{{1,{fraction}}})?\Z"
    return st.one_of(st.from_regex(digits), st.from_regex(rf"\A0\.[0-9]{{0,{fraction - 1}}}[1-9]\Z"))


OTHERS = st.fixed_dictionaries(
    {
        "exchange": st.sampled_from(["binance", "kraken"]),
        "buyer_is_maker": st.booleans(),
        "trade_id": st.integers(0, 2**62 - 1),
        "trade_time": st.integers(NOW - 10**9, NOW),
    }
)


@given(numbers(5, 12), numbers(3, 8), OTHERS)
@example("10000", "0.1", {})  # the amount itself
@example("9999.999999999999", "0.1", {})
@example("0.3", "1", {"exchange": "kraken"})  # 0.3 is no double
@example("0.1", "3", {"exchange": "kraken"})
def test_both_paths_make_the_same_signals_to_the_byte(price: str, quantity: str, others: dict[str, Any]) -> None:
    each = trade(price, quantity, **others)
    assert by_fast_path(encode(each)) == by_batch(each)


LARGE = trade("10000", "1")


def test_the_trade_comes_with_when_it_was_received() -> None:
    found = FAST.find(encode(LARGE), NOW)
    assert found is not None
    assert found[0].received == 1_700_000_000_000_123
    assert [signal.rule for signal in found[1]] == ["large_trade"]


def changed(**fields: Any) -> bytes:  # noqa: ANN401
    return json.dumps({**json.loads(encode(LARGE)), **fields}).encode()


def test_a_message_need_not_be_written_as_the_producer_writes_it() -> None:
    assert by_fast_path(changed(note="spaces, and a field that nobody knows")) == by_batch(LARGE)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\x80\xff",
        b"[" * 100_000,
        b'{"price":"10000","quantity":"1","x":' + b"[" * 100_000,
        b'{"price":"10000","quantity":"1"}',
        encode(LARGE)[:-1],
        changed(price="1e9"),
        changed(price="nan"),
        changed(price="inf"),
        changed(price="1_0000"),
        changed(price="9" * 500),
        changed(price=10000),
        changed(price=None),
        changed(event_id="00000000-0000-8000-8000-000000000000"),
        changed(event_type="kline"),
        changed(trade_id=8),
        changed(timestamp="2023-02-30T00:00:00Z"),
        changed(trade_time=NOW + AHEAD + 1),
        changed(note="\u00e4"),  # an escape
        changed(note="x").replace(b'"x"', b'"\xff"'),
        encode(LARGE).replace(b'"price"', b'"pr\\u0069ce"'),
    ],
)
def test_what_may_be_no_trade_is_left_to_the_batch(value: bytes) -> None:
    assert FAST.find(value, NOW) is None


def test_a_trade_may_be_so_far_ahead_of_its_arrival() -> None:
    assert by_fast_path(changed(trade_time=NOW + AHEAD))


@given(st.binary())
def test_nothing_in_the_topic_ends_it(value: bytes) -> None:
    assert FAST.find(value, NOW) is None
    FAST.find(b'{"price":"10000","quantity":"' + value + b'"}', NOW)


@given(st.data())
def test_a_damaged_message_is_never_another_trade(data: st.DataObject) -> None:
    value = bytearray(encode(LARGE))
    value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.integers(0, 255))
    found = FAST.find(bytes(value), NOW)
    if found is not None:
        assert found[0].key == ("binance", "BTC/USDT")
        assert found[0].trade_id == msgspec.json.decode(value)["trade_id"] == 7


def test_without_a_rule_about_single_trades_there_is_nothing_to_look_for() -> None:
    assert not LargeTrades([PriceMove()], AHEAD)
    assert FAST
