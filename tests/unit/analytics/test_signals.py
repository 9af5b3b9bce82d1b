from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tradestream.analytics.candles import MINUTE_MS, Candle, Key, Update
from tradestream.analytics.evidence import BigTrade
from tradestream.analytics.indicators import IndicatorConfig
from tradestream.analytics.publish import Outgoing
from tradestream.analytics.rules import (
    AnyRule,
    AverageCrossing,
    BandCrossing,
    LargeTrade,
    PriceMove,
    RsiCrossing,
    Spread,
    VolumeAnomaly,
)
from tradestream.analytics.signals import Engine, EngineState, Signal, message, row

START = 1_700_000_100_000
KEY = Key("binance", "BTCUSDT")
SHORT = IndicatorConfig(rsi=3, bollinger=8, zscore=12)


def update(number: int, close: Any, key: Key = KEY, *, closed: bool = True, **changes: Any) -> Update:  # noqa: ANN401
    price = Decimal(str(close))
    values: dict[str, Any] = {"open": price, "high": price, "low": price, "close": price, "volume": Decimal(1)}
    values |= {name: Decimal(str(value)) for name, value in changes.items()}
    candle = Candle(
        open_time=START + number * MINUTE_MS,
        **values,
        quote_volume=price,
        buy_volume=Decimal(0),
        trade_count=1,
        first_trade_id=number,
        last_trade_id=number,
    )
    return Update(key, MINUTE_MS, candle, 0, is_closed=closed)


def nothing_open(_key: Key, _interval: int) -> None:
    """Every closed candle is followed by none that is older."""


def fired(rule: AnyRule, updates: Iterable[Update], config: IndicatorConfig = SHORT) -> list[Signal]:
    return Engine([rule], config).closed(updates, nothing_open)


def minutes(signals: list[Signal]) -> list[int]:
    return [(signal.open_time - START) // MINUTE_MS for signal in signals]


def of_prices(rule: AnyRule, prices: Iterable[float]) -> list[tuple[int, str]]:
    """The minutes in which a rule fires and each one's direction."""
    signals = fired(rule, [update(number, price) for number, price in enumerate(prices)])
    return [(minute, signal.evidence["direction"]) for minute, signal in zip(minutes(signals), signals, strict=True)]


def test_a_move_within_a_minute_says_from_where_to_where() -> None:
    [signal] = fired(PriceMove(), [update(0, 100), update(1, 102, open=100, high=103)])
    assert signal.evidence == {
        "direction": "up",
        "percent": "3",
        "threshold_percent": 2.0,
        "from": "100",
        "from_is": "previous close",
        "to": "103",
        "close": "102",
        "trade_count": 1,
    }
    assert (signal.rule, signal.type, signal.interval, signal.exchange, signal.symbol) == (
        "price_move",
        "price_move",
        "1m",
        "binance",
        "BTCUSDT",
    )
    assert signal.time == signal.open_time + MINUTE_MS == START + 2 * MINUTE_MS


@pytest.mark.parametrize(
    ("updates", "wanted"),
    [
        ([update(0, 100, low="97.9")], ["down"]),
        ([update(0, 100, low="98")], []),
        ([update(0, 100, high="102.000000000001")], ["up"]),
        ([update(0, 100), update(1, 103)], ["up"]),  # jumped between two trades, of which each minute has one
        ([update(0, 100), update(2, 103)], []),  # that was not within a minute
        ([update(0, 100, high=110, closed=False)], []),
    ],
)
def test_a_move_counts_from_the_price_when_the_minute_began(updates: list[Update], wanted: list[str]) -> None:
    assert [signal.evidence["direction"] for signal in fired(PriceMove(), updates)] == wanted


def test_the_rsi_fires_when_it_crosses_and_again_only_when_it_was_back() -> None:
    rule = RsiCrossing(above=70, below=30)
    flat, up, down = [100, 101, 100, 101, 100], [102, 104, 106, 108], [100, 92, 84, 76]
    assert of_prices(rule, flat + up + down) == [(5, "above"), (9, "below")]
    assert of_prices(rule, [1, 2, 3, 4, 5, 6]) == [], "what was above from the start has not crossed"


def test_a_close_beyond_a_band_fires_once() -> None:
    flat = [100, 101] * 4
    assert of_prices(BandCrossing(), [*flat, 120, 150, *flat, 70]) == [(8, "above"), (18, "below")]


def test_averages_that_cross_say_which_way() -> None:
    rule = AverageCrossing(average="sma", fast=2, slow=4)
    assert of_prices(rule, [10, 10, 9, 8, 7, 6, 9, 12, 13, 8, 3, 2]) == [(7, "above"), (10, "below")]


def test_an_unusual_volume_fires_once_while_it_lasts() -> None:
    volumes = [10, 11] * 6 + [100, 300, 10, 10]
    signals = fired(VolumeAnomaly(zscore=2.5), [update(at, 100, volume=volume) for at, volume in enumerate(volumes)])
    assert minutes(signals) == [12]
    assert signals[0].evidence["zscore"] > 2.5 >= signals[0].evidence["zscore_before"]


BUY, SELL, THIRD = Key("binance", "BTCUSDT"), Key("kraken", "BTC/USDT"), Key("coinbase", "BTC-USDT")


def spread(*updates: Update) -> list[Signal]:
    return fired(Spread(percent=0.5, fees={"binance": 0.1, "kraken": 0.4}), updates)


def test_a_spread_beyond_threshold_and_fees_names_both_sides() -> None:
    [signal] = spread(update(0, 100, BUY), update(0, 101.1, SELL))
    evidence = signal.evidence
    assert (evidence["pair"], evidence["buy_exchange"], evidence["sell_exchange"]) == ("BTC/USDT", "binance", "kraken")
    assert evidence["net_percent"] == pytest.approx(100 * (101.1 * 0.996 / (100 * 1.001) - 1))
    assert (signal.exchange, signal.symbol) == BUY
    assert spread(update(0, 101.1, SELL), update(0, 100, BUY)) == [signal], "whichever closes first"


def test_a_spread_that_fees_eat_is_none() -> None:
    assert spread(update(0, 100, BUY), update(0, 100.9, SELL)) == []


def test_a_spread_fires_once_while_it_lasts_and_again_the_other_way() -> None:
    prices = [(100, 100), (100, 102), (100, 103), (100, 100), (100, 102), (102, 100)]
    updates = [each for at, (buy, sell) in enumerate(prices) for each in (update(at, buy, BUY), update(at, sell, SELL))]
    assert minutes(spread(*updates)) == [1, 4, 5]
    behind = [*updates[::2], *updates[1::2]]
    assert spread(*behind) == spread(*updates), "one exchange may close its candles long before the other"


def test_one_exchange_can_be_too_cheap_for_two_others() -> None:
    signals = spread(update(0, 100, BUY), update(0, 105, SELL), update(0, 105, THIRD))
    assert [signal.evidence["sell_exchange"] for signal in signals] == ["coinbase", "kraken"]
    assert len({signal.signal_id for signal in signals}) == 2


def test_only_equal_pairs_of_different_exchanges_and_equal_minutes_are_compared() -> None:
    assert spread(update(0, 100, BUY), update(0, 105, Key("kraken", "BTC/USD"))) == []
    assert spread(update(0, 100, BUY), update(0, 105, Key("binance", "BTC-USDT"))) == []
    assert spread(update(0, 100, BUY), update(1, 105, SELL)) == []


def big(number: int, price: str, quantity: str, key: Key = KEY) -> BigTrade:
    return BigTrade(key, number, Decimal(price), Decimal(quantity), START + 5, buyer_is_maker=True, received=0)


def test_a_large_trade_is_compared_exactly() -> None:
    engine = Engine([LargeTrade(amount=1000), LargeTrade(name="huge", amount=5000)], SHORT)
    signals = engine.traded([big(2, "50000", "0.1"), big(1, "10000", "0.1"), big(3, "9999.999999999999", "0.1")])
    assert [(signal.rule, signal.evidence["trade_id"]) for signal in signals] == [
        ("large_trade", 1),
        ("large_trade", 2),
        ("huge", 2),
    ]
    assert signals[0].evidence == {
        "trade_id": 1,
        "taker": "sell",
        "price": "10000",
        "quantity": "0.1",
        "amount": "1000",
        "threshold_amount": 1000.0,
    }
    assert (signals[0].time, signals[0].open_time) == (START + 5, (START + 5) // MINUTE_MS * MINUTE_MS)
    assert len({signal.signal_id for signal in signals}) == 3
    assert engine.least_amount == 1000


def test_a_rule_is_only_for_what_it_names() -> None:
    other = Key("kraken", "BTC/USDT")
    updates = [update(0, 100, key, high=110) for key in (KEY, other)]
    assert [signal.exchange for signal in fired(PriceMove(exchanges=("kraken",)), updates)] == ["kraken"]
    assert [signal.symbol for signal in fired(PriceMove(symbols=("BTCUSDT",)), updates)] == ["BTCUSDT"]
    assert Engine([LargeTrade(amount=1, symbols=("X",))], SHORT).traded([big(1, "1", "1")]) == []
    assert fired(PriceMove(interval="5m"), updates) == []


def test_a_candle_that_comes_again_makes_nothing_again() -> None:
    engine = Engine([PriceMove()], SHORT)
    moves = [update(0, 100, high=110), update(1, 100, high=120)]
    assert len(engine.closed(moves, nothing_open)) == 2
    figures = engine.state
    before = msgspec.msgpack.encode(figures)
    assert engine.closed(moves, nothing_open) == []
    assert msgspec.msgpack.encode(engine.state) == before


def test_a_candle_waits_for_an_older_one_that_is_still_open() -> None:
    """Also over a restart: what is said depends on the candles, not on which closed first."""
    moves = [update(number, 100, high=110 + number) for number in range(4)]
    in_order = fired(PriceMove(), moves)
    engine = Engine([PriceMove()], SHORT)
    assert engine.closed([moves[0], moves[3], moves[2]], lambda _key, _interval: moves[1].candle.open_time) == [
        in_order[0]
    ]
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(engine.state), type=EngineState)
    assert Engine([PriceMove()], SHORT, stored).closed([moves[1]], nothing_open) == in_order[1:]


def test_an_engine_goes_on_from_its_stored_state_and_makes_the_same_ids() -> None:
    rules: list[AnyRule] = [PriceMove(percent=1), RsiCrossing(), BandCrossing(), AverageCrossing(fast=2, slow=4)]
    rules += [VolumeAnomaly(zscore=2), Spread(percent=0.1)]
    updates = [
        update(
            at,
            100 + (at * 7919 % 13) / (2 if key == BUY else 1) * (1 + 9 * (at == 40)),
            key,
            volume=1 + at % 3 + 50 * (at == 45),
        )
        for at in range(60)
        for key in (BUY, SELL)
    ]
    whole = Engine(rules, SHORT).closed(updates, nothing_open)
    assert {signal.type for signal in whole} == {rule.type for rule in rules}
    assert len({signal.signal_id for signal in whole}) == len(whole)
    for at in (1, 30, 77):
        first = Engine(rules, SHORT)
        signals = first.closed(updates[:at], nothing_open)
        stored = msgspec.msgpack.decode(msgspec.msgpack.encode(first.state), type=EngineState)
        assert [*signals, *Engine(rules, SHORT, stored).closed(updates[at:], nothing_open)] == whole


def test_stored_candles_warm_the_indicators_and_signal_nothing() -> None:
    engine, warmed = Engine([PriceMove()], SHORT), Engine([PriceMove()], SHORT)
    updates = [update(at, 100 + at % 5, high=120) for at in range(30)]
    engine.closed(updates, nothing_open)
    warmed.warm(updates, nothing_open)
    assert warmed.state == engine.state
    assert warmed.closed(updates, nothing_open) == []


def test_messages_that_an_older_version_left_to_be_published_are_candles() -> None:
    older = msgspec.msgpack.encode((b"key", b"value"))
    assert msgspec.msgpack.decode(older, type=Outgoing) == Outgoing(b"key", b"value", "candle")


def test_a_signal_on_the_wire_and_as_a_row() -> None:
    [signal] = fired(PriceMove(name="fast"), [update(0, 100, high=110)])
    sent = message(signal)
    assert (sent.key, sent.kind, sent.signal_id) == (b"binance:BTCUSDT", "signal", signal.signal_id)
    assert msgspec.json.decode(sent.value, type=Signal) == signal
    *plain, evidence = row(signal).values()
    assert plain == [signal.signal_id, "fast", "price_move", *KEY, "1m", START, START + MINUTE_MS]
    assert msgspec.json.decode(str(evidence)) == signal.evidence
    assert signal.signal_id == "88850150-4b41-535e-8348-d4aad00cad7f", "an id never changes"
