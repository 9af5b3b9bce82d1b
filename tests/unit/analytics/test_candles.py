from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradestream.analytics.candles import MINUTE_MS, BookState, Candle, CandleBook, Key, Update
from tradestream.analytics.publish import message
from unit.analytics.feeds import START, feeds
from unit.analytics.oracle import At, Expected, Outcome, Tick, partials

MINUTE = MINUTE_MS
INTERVALS = [MINUTE, 5 * MINUTE]
LATENESS = 2 * MINUTE
KEY = Key("binance", "BTCUSDT")
KEYS = [KEY, Key("binance", "ETHUSDT"), Key("kraken", "BTCUSDT")]

TICKS = st.builds(
    Tick,
    key=st.sampled_from(KEYS),
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


def at(update: Update) -> At:
    return At(update.key, update.interval, update.candle.open_time)


def split(data: st.DataObject, topic: list[Tick]) -> list[list[Tick]]:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(topic)), max_size=6)))
    return [topic[start:end] for start, end in zip([0, *cuts], [*cuts, len(topic)], strict=True)]


def closed_and_open(outcome: Outcome) -> tuple[dict[At, tuple[Candle, int]], dict[At, Candle]]:
    closed = {at(update): (update.candle, update.missing_trades) for update in outcome.closed}
    assert len(outcome.closed) == len(closed), "a candle closes once"
    return closed, open_candles(outcome)


def open_candles(outcome: Outcome) -> dict[At, Candle]:
    return {
        At(series.key, interval, start): candle
        for series in outcome.book.state.series
        for interval, candles in series.candles.items()
        for start, candle in candles.items()
    }


def answered(batches: list[list[Tick]]) -> tuple[Outcome, Expected]:
    """What the book makes of batches, and the oracle trade by trade."""
    wanted = Expected(INTERVALS, LATENESS)
    for batch in batches:
        wanted.batch(batch)
    return fed(*batches), wanted


@given(feeds(KEYS), st.data())
def test_batches_give_what_trade_by_trade_gives(topic: list[Tick], data: st.DataObject) -> None:
    outcome, wanted = answered(split(data, topic))
    assert closed_and_open(outcome) == (wanted.closed, wanted.open)
    assert (outcome.late, outcome.duplicates) == (wanted.late, wanted.duplicates)


@given(st.lists(TICKS, max_size=60), st.data())
def test_so_they_do_but_for_what_is_missing_where_ids_follow_nothing(topic: list[Tick], data: st.DataObject) -> None:
    outcome, wanted = answered(split(data, topic))
    assert {at(update): update.candle for update in outcome.closed} == {
        where: candle for where, (candle, _) in wanted.closed.items()
    }
    assert open_candles(outcome) == wanted.open
    assert (outcome.late, outcome.duplicates) == (wanted.late, wanted.duplicates)


@given(feeds(KEYS), st.data())
def test_batches_make_no_difference_where_ids_follow_time(topic: list[Tick], data: st.DataObject) -> None:
    batches, one_by_one = fed(*split(data, topic)), fed(*([tick] for tick in topic))
    assert closed_and_open(batches) == closed_and_open(one_by_one)
    assert (batches.late, batches.duplicates) == (one_by_one.late, one_by_one.duplicates)


@given(st.one_of(st.lists(TICKS, max_size=30), feeds(KEYS)), st.integers(0, 30))
def test_a_book_goes_on_from_its_stored_state(topic: list[Tick], half: int) -> None:
    whole = fed(topic[:half], topic[half:])
    halved = fed(topic[:half])
    stored = msgspec.msgpack.encode(halved.book.state)
    halved.book = CandleBook(INTERVALS, LATENESS, msgspec.msgpack.decode(stored, type=BookState))
    halved.batch(len(topic[:half]), topic[half:])
    assert halved.updates == whole.updates
    assert halved.book.state == whole.book.state


def configured_anew(outcome: Outcome, intervals: list[int]) -> Outcome:
    stored = msgspec.msgpack.encode(outcome.book.state)
    outcome.book = CandleBook(intervals, LATENESS, msgspec.msgpack.decode(stored, type=BookState))
    return outcome


def test_an_interval_that_is_added_begins_with_the_first_candle_that_can_be_whole() -> None:
    trades = [tick(number, 20_000 * number) for number in range(40)]
    outcome = fed(trades[:10])  # the last is at 3:00
    configured_anew(outcome, [*INTERVALS, 3 * MINUTE])
    outcome.batch(10, trades[10:20])
    configured_anew(outcome, [*INTERVALS, 3 * MINUTE])
    outcome.batch(20, trades[20:])
    added = {at(each).start - START: each.candle.trade_count for each in outcome.closed if each.interval == 3 * MINUTE}
    assert added == {6 * MINUTE: 9, 9 * MINUTE: 9}
    before = fed(trades[:10], trades[10:20], trades[20:])
    assert [each for each in outcome.updates if each.interval in INTERVALS] == before.updates


def test_an_interval_that_is_taken_away_closes_no_candle_and_makes_no_trade_late() -> None:
    trades = [tick(number, 20_000 * number) for number in range(40)]
    outcome = fed(trades[:17])
    configured_anew(outcome, [MINUTE])
    before = len(outcome.updates)
    outcome.batch(17, trades[17:])
    assert {each.interval for each in outcome.updates[before:]} == {MINUTE}
    assert outcome.late == 0
    configured_anew(outcome, INTERVALS)
    assert all(not series.candles[5 * MINUTE] for series in outcome.book.state.series)


def outage() -> list[Tick]:
    """Six trades a minute; those from 1:30 to 3:30 come when minute 1 has closed and minute 2 has not."""
    trades = [tick(number, 10_000 * number) for number in range(60)]
    gone = trades[9:21]
    come = next(place for place, each in enumerate(trades) if each.trade_time >= START + 4 * MINUTE + 15_000)
    return [each for each in trades[:come] if each not in gone] + gone + trades[come:]


@pytest.mark.parametrize("size", [1, 7, 100])
def test_what_comes_after_a_candle_has_closed_is_missing_from_it_whatever_the_batch(size: int) -> None:
    topic = outage()
    outcome = fed(*(topic[begin : begin + size] for begin in range(0, len(topic), size)))
    # Three of minute 1 are late, and so missing from minute 2 too.
    assert sorted(minutes(outcome))[:4] == [(0, 6, 0), (1, 3, 12), (2, 6, 3), (3, 6, 0)]
    assert outcome.late == 3


def test_open_and_close_go_by_trade_id_not_by_time_or_arrival() -> None:
    outcome = fed([tick(2, 10, "20"), tick(3, 30, "30")], [tick(1, 20, "40")])
    candle = outcome.updates[-2].candle
    assert [candle.open, candle.close, candle.high, candle.low] == [Decimal(price) for price in (40, 30, 40, 20)]


def minutes(outcome: Outcome) -> list[tuple[int, int, int]]:
    """Closed minutes, their trades and what they miss, in the order in which they closed."""
    return [
        ((update.candle.open_time - START) // MINUTE, update.candle.trade_count, update.missing_trades)
        for update in outcome.closed
        if update.interval == MINUTE
    ]


def test_a_minute_closes_with_the_first_trade_after_it_when_nothing_is_missing() -> None:
    outcome = fed([tick(1, 0)], [tick(2, MINUTE)], [tick(3, 2 * MINUTE - 1)])
    assert outcome.closed == []
    outcome.batch(3, [tick(4, 2 * MINUTE)])
    assert minutes(outcome) == [(1, 2, 0)]


@pytest.mark.parametrize("absent", [3, 4, 5])
def test_it_closes_with_the_trade_that_was_missing(absent: int) -> None:
    own = [tick(number, MINUTE) for number in (3, 4, 5) if number != absent]
    outcome = fed([tick(1, 0), tick(2, 0)], [*own, tick(6, 2 * MINUTE), tick(7, 2 * MINUTE)])
    assert outcome.closed == []
    outcome.batch(9, [tick(absent, MINUTE)])
    assert minutes(outcome) == [(1, 3, 0)]


def test_the_first_minute_of_a_series_waits_for_the_watermark() -> None:
    """Nothing tells where it begins."""
    outcome = fed([tick(1, 0)], [tick(2, MINUTE)], [tick(3, 2 * MINUTE)])
    assert minutes(outcome) == [(1, 1, 0)]
    outcome.batch(3, [tick(4, 3 * MINUTE)])
    assert sorted(minutes(outcome)) == [(0, 1, 0), (1, 1, 0), (2, 1, 0)]


def test_one_that_misses_a_trade_holds_up_no_other() -> None:
    outcome = fed([tick(1, 0), tick(2, MINUTE), tick(4, MINUTE), tick(5, 2 * MINUTE), tick(6, 3 * MINUTE)])
    assert minutes(outcome) == [(0, 1, 0), (2, 1, 0)]
    outcome.batch(5, [tick(7, 4 * MINUTE)])
    assert minutes(outcome)[2:] == [(1, 2, 1), (3, 1, 0)]


def test_what_is_missing_between_two_minutes_counts_for_both() -> None:
    outcome = fed([tick(1, 0), tick(2, MINUTE), tick(5, 2 * MINUTE), tick(6, 5 * MINUTE)])
    assert minutes(outcome) == [(0, 1, 0), (1, 1, 2), (2, 1, 2)]


def test_an_open_candle_says_what_is_known_to_be_missing() -> None:
    outcome = fed([tick(1, 0)], [tick(3, 1), tick(5, MINUTE)], [tick(8, MINUTE)])
    found = [(at(update).start - START, update.missing_trades) for update in outcome.updates if at(update)[1] == MINUTE]
    assert found == [(0, 0), (0, 2), (MINUTE, 1), (MINUTE, 3)]


def test_another_numbering_misses_nothing_between_the_two() -> None:
    outcome = fed([tick(1, 0)], [tick(5_000_000_000, MINUTE)])
    assert [update.missing_trades for update in outcome.updates] == [0] * 4


def test_a_longer_candle_closes_with_the_last_of_its_minutes() -> None:
    outcome = fed(*([tick(number, number * MINUTE)] for number in range(4, 11)))
    longer = [update for update in outcome.closed if update.interval == 5 * MINUTE]
    assert [(at(update).start, update.candle.trade_count) for update in longer] == [(START, 1), (START + 5 * MINUTE, 5)]
    assert outcome.closed[-1].candle.trade_count == 5, "it closes when trade 10 comes"


def test_a_trade_that_the_exchange_stamped_out_of_order_is_late_once_its_minute_is_whole() -> None:
    outcome = fed([tick(1, 0), tick(2, MINUTE), tick(3, 2 * MINUTE)], [tick(4, 2 * MINUTE - 1), tick(5, 2 * MINUTE)])
    assert (outcome.late, minutes(outcome)) == (1, [(1, 1, 0)])
    assert outcome.book.first_open(KEY, MINUTE) == START, "which is not known to be whole"
    assert outcome.book.first_open(KEY, 5 * MINUTE) == START


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


def restored(ticks: list[Tick], stored: dict[tuple[Key, int], list[int]]) -> Outcome:
    """A book that begins from stored trades."""
    outcome = Outcome(INTERVALS, LATENESS)
    outcome.book.remember({KEY: [(each.trade_id, each.trade_id) for each in ticks]})
    outcome.book.restore(partials(list(enumerate(ticks))), stored)
    return outcome


def test_restored_candles_leave_out_what_is_stored_as_closed() -> None:
    ticks = [tick(number, number * MINUTE) for number in range(6)]
    [series] = restored(ticks, {(KEY, MINUTE): [START + 3 * MINUTE]}).book.state.series
    assert {interval: sorted(found) for interval, found in series.candles.items()} == {
        MINUTE: [START + 4 * MINUTE, START + 5 * MINUTE],
        5 * MINUTE: [START, START + 5 * MINUTE],
    }, "of an interval that nothing is stored of all candles are open"


def test_a_restored_book_goes_on_from_its_watermark_and_its_ids() -> None:
    ticks = [tick(number, number * MINUTE) for number in range(5)]
    outcome = restored(ticks, {(KEY, MINUTE): [START + 2 * MINUTE]})
    outcome.batch(5, [tick(7, 0), tick(8, 2 * MINUTE)])
    assert outcome.late == 2, "below the watermark, and of a candle that is stored"
    outcome.batch(7, [tick(5, 5 * MINUTE)])
    assert minutes(outcome) == [(3, 1, 0), (4, 1, 0)]
