"""Sums in DuckDB, and what candles and signals are made of them, against trade by trade in plain Python."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import duckdb
import pytest
from duckdb import DuckDBPyConnection
from hypothesis import given
from hypothesis import strategies as st

from tradestream.analytics.answers import Answers
from tradestream.analytics.candles import MINUTE_MS, Candle, CandleBook, Key
from tradestream.analytics.indicators import IndicatorConfig
from tradestream.analytics.rules import AnyRule, LargeTrade, Spread
from tradestream.analytics.signals import Engine
from tradestream.analytics.table_batch import COLUMNS, TableBatch
from unit.analytics.feeds import START, feeds
from unit.analytics.oracle import At, Expected, Tick, partials

MINUTE = MINUTE_MS
INTERVALS = [MINUTE, 5 * MINUTE]
LATENESS = 2 * MINUTE
KEY = Key("binance", "BTCUSDT")
KEYS = [KEY, Key("binance", "ETHUSDT"), Key("kraken", "X'/USD")]
MOST = Decimal("999999.99999999")  # of both: their product is one that a trade may have

TICKS = st.builds(
    Tick,
    key=st.sampled_from(KEYS),
    trade_id=st.integers(0, 40),
    price=st.decimals("0.000000000001", MOST, places=12),
    quantity=st.decimals("0.00000001", MOST, places=8),
    trade_time=st.integers(START, START + 20 * MINUTE),
    buyer_is_maker=st.booleans(),
)


@pytest.fixture(scope="module")
def database() -> Iterator[DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def batch(database: DuckDBPyConnection, first: int, ticks: list[Tick]) -> TableBatch:
    types = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    database.execute(f"CREATE OR REPLACE TEMP TABLE ticks ({types})")
    rows = [[*tick.key, *tick[1:], arrival, None] for arrival, tick in enumerate(ticks, first)]
    for row in rows:
        database.execute(f"INSERT INTO ticks VALUES ({', '.join('?' * len(COLUMNS))})", row)  # noqa: S608
    return TableBatch(database, "ticks")


HIGHEST = st.builds(lambda tick, trade_id: tick._replace(trade_id=trade_id), TICKS, st.integers(2**63 - 3, 2**63 - 1))


@given(st.lists(TICKS | HIGHEST, max_size=40, unique_by=lambda tick: (tick.key, tick.trade_id)))
def test_sums_are_exact(database: DuckDBPyConnection, ticks: list[Tick]) -> None:
    summary = batch(database, 7, ticks).summarise(None)
    wanted = partials(list(enumerate(ticks, 7)))
    assert sorted(summary.partials, key=repr) == sorted(wanted, key=repr)
    assert not summary.repeated.total()
    assert {
        (key, number) for key, own in summary.ids.items() for start, end in own for number in range(start, end + 1)
    } == {(tick.key, tick.trade_id) for tick in ticks}


@given(feeds(KEYS), st.data())
def test_any_batches_give_what_trade_by_trade_gives(
    database: DuckDBPyConnection, ticks: list[Tick], data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(ticks)), max_size=6)))
    book = CandleBook(INTERVALS, LATENESS)
    answers, wanted = Answers(book, Engine([], IndicatorConfig())), Expected(INTERVALS, LATENESS)
    closed: dict[At, tuple[Candle, int]] = {}
    late = duplicates = 0
    for start, end in zip([0, *cuts], [*cuts, len(ticks)], strict=True):
        wanted.batch(ticks[start:end])
        answer = answers.take(batch(database, start, ticks[start:end]))
        late, duplicates = late + answer.late.total(), duplicates + answer.duplicates.total()
        for update in answer.updates:
            if update.is_closed:
                at = At(update.key, update.interval, update.candle.open_time)
                closed[at] = update.candle, update.missing_trades
    assert closed == wanted.closed
    assert (late, duplicates) == (wanted.late, wanted.duplicates)


def test_others_see_the_ids_of_a_batch_after_a_turn_and_not_before(database: DuckDBPyConnection) -> None:
    book, seen = CandleBook(INTERVALS, LATENESS), []

    @contextmanager
    def turn() -> Iterator[None]:
        seen.append(book.has_seen(KEY, 1))
        yield
        seen.append(book.has_seen(KEY, 1))

    answers = Answers(book, Engine([], IndicatorConfig()), turn)
    answers.take(batch(database, 0, [Tick(KEY, 1, Decimal(1), Decimal(1), START)]))
    assert seen == [False, True]


def test_a_trade_of_exactly_the_amount_is_large(database: DuckDBPyConnection) -> None:
    rules: list[AnyRule] = [LargeTrade(amount=0.3)]
    answers = Answers(CandleBook(INTERVALS, LATENESS), Engine(rules, IndicatorConfig()))
    ticks = [Tick(KEY, number, Decimal("0.1"), Decimal(much), START) for number, much in enumerate(("3", "2.99999999"))]
    answer = answers.take(batch(database, 0, ticks))
    assert [signal.evidence["trade_id"] for signal in answer.large] == [0]


def test_exchanges_of_a_pair_are_compared_minute_by_minute_however_long_a_batch_is(
    database: DuckDBPyConnection,
) -> None:
    ticks = [
        Tick(Key(*key), minute, Decimal(price), Decimal(1), START + minute * MINUTE)
        for key, price in ((("binance", "BTCUSDT"), 100), (("kraken", "BTC/USDT"), 105))
        for minute in range(200)
    ]
    answers = Answers(CandleBook(INTERVALS, LATENESS), Engine([Spread()], IndicatorConfig()))
    answer = answers.take(batch(database, 0, ticks))
    assert [(signal.rule, signal.open_time) for signal in answer.closing] == [("cross_exchange_spread", START)]


def test_time_without_trades_closes_what_is_open(database: DuckDBPyConnection) -> None:
    answers = Answers(CandleBook(INTERVALS, LATENESS), Engine([], IndicatorConfig()))
    answers.take(batch(database, 0, [Tick(KEY, 1, Decimal(1), Decimal(1), START)]))
    closed = [[update.interval for update in answers.advance(time)[0]] for time in (LATENESS, MINUTE, 4 * MINUTE)]
    assert closed == [[], [MINUTE], [5 * MINUTE]]
