from __future__ import annotations

from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tradestream.analytics.candles import MINUTE_MS, BookState, CandleBook, Key
from tradestream.analytics.publish import message
from unit.analytics.oracle import Outcome, Tick, expected, partials

MINUTE = MINUTE_MS
INTERVALS = [MINUTE, 5 * MINUTE]
LATENESS = 2 * MINUTE
START = 1_700_000_100_000 // (5 * MINUTE) * 5 * MINUTE
KEY = Key("binance", "BTCUSDT")

TICKS = st.builds(
    Tick,
    key=st.sampled_from([KEY, Key("binance", "ETHUSDT"), Key("kraken", "BTCUSDT")]),
    trade_id=st.integers(0, 40),
    price=st.decimals("0.000000000001", "9999999999", places=12),
    quantity=st.decimals("0.00000001", "99999999999999", places=8),
    trade_time=st.integers(START, START + 20 * MINUTE),
    buyer_is_maker=st.booleans(),
)


def tick(number: int, after: int, price: str = "10", quantity: str = "1") -> Tick:
    return Tick(KEY, number, Decimal(price), Decimal(quantity), START + after)


def fed(*batches: list[Tick]) -> Outcome:
    outcome, offset = Outcome(INTERVALS, LATENESS), 0
    for batch in batches:
        outcome.batch(offset, batch)
        offset += len(batch)
    return outcome


@given(st.lists(TICKS, max_size=60), st.data())
def test_any_batches_give_what_trade_by_trade_gives(topic: list[Tick], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(topic)), max_size=6)))
    batches = [topic[start:end] for start, end in zip([0, *cuts], [*cuts, len(topic)], strict=True)]
    outcome, wanted = fed(*batches), expected(topic, INTERVALS, LATENESS)
    closed = {(update.key, update.interval, update.candle.open_time): update.candle for update in outcome.closed}
    assert closed == wanted.closed
    assert len(outcome.closed) == len(closed), "a candle closes once"
    still_open = {
        (series.key, interval, start): candle
        for series in outcome.book.state.series
        for interval, candles in series.candles.items()
        for start, candle in candles.items()
    }
    assert still_open == wanted.open
    assert (outcome.late, outcome.duplicates) == (wanted.late, wanted.duplicates)


@given(st.lists(TICKS, max_size=30), st.integers(0, 30))
def test_a_book_goes_on_from_its_stored_state(topic: list[Tick], at: int) -> None:
    whole = fed(topic[:at], topic[at:])
    halved = fed(topic[:at])
    stored = msgspec.msgpack.encode(halved.book.state)
    halved.book = CandleBook(INTERVALS, LATENESS, msgspec.msgpack.decode(stored, type=BookState))
    halved.batch(len(topic[:at]), topic[at:])
    assert halved.updates == whole.updates
    assert halved.book.state == whole.book.state


def test_open_and_close_go_by_trade_id_not_by_time_or_arrival() -> None:
    outcome = fed([tick(2, 10, "20"), tick(3, 30, "30")], [tick(1, 20, "40")])
    candle = outcome.updates[-2].candle
    assert [candle.open, candle.close, candle.high, candle.low] == [Decimal(price) for price in (40, 30, 40, 20)]


def test_missing_trades_are_the_ids_between_first_and_last() -> None:
    assert fed([tick(1, 0), tick(5, 0)]).updates[0].candle.missing_trades == 3


def test_a_late_trade_is_in_no_candle_and_does_not_reopen_one() -> None:
    outcome = fed([tick(1, 0)], [tick(2, 4 * MINUTE)], [tick(3, 1)])
    assert outcome.late == 1
    assert [update.candle.trade_count for update in outcome.closed] == [1]


def test_a_trade_inside_the_watermark_counts() -> None:
    outcome = fed([tick(1, 0)], [tick(3, 3 * MINUTE - 1)], [tick(2, 1)], [tick(4, 3 * MINUTE)])
    assert outcome.late == 0
    assert outcome.closed[0].candle.trade_count == 2


def test_an_idle_series_closes_with_the_clock() -> None:
    outcome = fed([tick(1, MINUTE - 1)])
    assert outcome.book.advance(LATENESS) == []
    closed = outcome.book.advance(1)
    assert [(update.interval, update.is_closed) for update in closed] == [(MINUTE, True)]
    assert outcome.book.advance(5 * MINUTE)[0].interval == 5 * MINUTE
    assert outcome.book.advance(60 * MINUTE) == []


def test_an_idle_series_holds_up_no_other() -> None:
    other = tick(1, 0)._replace(key=Key("binance", "ETHUSDT"))
    outcome = fed([other, tick(1, 0)], [tick(2, 4 * MINUTE)])
    assert [update.key.symbol for update in outcome.closed] == ["BTCUSDT"]


def test_a_candle_on_the_wire_keeps_every_digit() -> None:
    outcome = fed([tick(1, 0, "0.000000000001", "0.00000001"), tick(2, 0, "9999999999.5", "3")])
    sent = message(outcome.updates[0])
    assert (sent.key, sent.kind) == (b"binance:BTCUSDT:1m", "candle")
    wire = msgspec.json.decode(sent.value)
    assert wire["quote_volume"] == "29999999998.50000000000000000001"
    assert wire["volume"] == "3.00000001"
    assert wire["close_time"] == START + MINUTE - 1
    assert wire["is_closed"] is False
    assert wire["vwap"] == "9999999966.166666779444444069"
    assert wire["price_change_percent"] == "999999999949999999999900"


def test_a_closed_candle_without_an_open_one_after_it_stays_closed_when_restored() -> None:
    book = CandleBook(INTERVALS, LATENESS)
    book.restore([], {(KEY, MINUTE): START + MINUTE})
    late = partials(list(enumerate([tick(1, 0), tick(2, MINUTE)])))
    assert [cut.open_time for cut in book.late(late)] == [START]
    assert book.advance(10 * LATENESS) == []


def test_restored_candles_leave_out_what_is_stored_as_closed() -> None:
    book = CandleBook(INTERVALS, LATENESS)
    rows = [tick(1, 0), tick(2, MINUTE), tick(3, 2 * MINUTE)]
    book.restore(partials(list(enumerate(rows))), {(KEY, MINUTE): START + MINUTE})
    candles = book.state.series[0].candles
    assert {interval: [candle.trade_count for candle in found.values()] for interval, found in candles.items()} == {
        MINUTE: [1, 1],
        5 * MINUTE: [3],
    }
