"""From rows of trades to partial aggregates, one per exchange, symbol and minute, in Spark.

A batch that the driver's host sees is summed by `table_batch` instead, which has less to plan.

Sums are made where the rows are, so that little is shuffled. So are sets of ids, as the bits of numbers: 64 ids are one
row that is brought together and sorted, and one with a gap before it starts an interval. What comes back to the driver
is one row per series and minute, one per series, and the trades that are asked for one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F  # noqa: N812 - Spark's own convention

from tradestream.analytics.answers import Summary
from tradestream.analytics.candles import EXACT, MINUTE_MS, Candle, Cut, Key, Partial, Update
from tradestream.analytics.evidence import BigTrade
from tradestream.analytics.local import table
from tradestream.analytics.rules import in_doubles

_OPEN_TIME = f"trade_time div {MINUTE_MS} * {MINUTE_MS} as open_time"

# Nothing here rounds or overflows, for up to 10^8 trades of a series and minute. Quantity = whole + part makes each
# product exact: decimal(22,12) * decimal(15,0) is decimal(38,12), times decimal(8,8) it is decimal(31,20). Their sums
# are decimal(38,12) and decimal(38,20), with 26 and 18 digits before the point; trade.MOST_AMOUNT allows 10^12 for one
# trade's price * whole and its price 10^10 for price * part, so that even 10^14 and 10^8 trades fit. The sum of
# quantities is decimal(32,8): 10^10 trades of 10^14. The driver adds the two parts of a quote volume exactly.
_WHOLE = "cast(floor(quantity) as decimal(15,0)) as whole"
_PART = "cast(quantity - floor(quantity) as decimal(8,8)) as part"

_AGGREGATES = [
    "min_by(price, trade_id) as open",
    "max(price) as high",
    "min(price) as low",
    "max_by(price, trade_id) as close",
    "sum(quantity) as volume",
    "sum(price * whole) as quote_whole",
    "sum(price * part) as quote_part",
    "sum(if(buyer_is_maker, cast(0 as decimal(22,8)), quantity)) as buy_volume",
    "count(*) as trade_count",
    "min(trade_id) as first_trade_id",
    "max(trade_id) as last_trade_id",
    "min_by(kafka_offset, trade_id) as first_offset",
    "min(kafka_offset) as min_offset",
    "max(kafka_offset) as max_offset",
    "max(trade_time) as max_time",
    "min(timestamp) as oldest",
]
_SERIES = ["exchange", "symbol"]
_LENGTH = "close_time - open_time + 1"


def summarise(trades: DataFrame, least_amount: float | None = None) -> Summary:
    """Aggregate trades per series and minute, and their ids per series.

    Args:
        trades: The rows.
        least_amount: Trades of at least this price times quantity are wanted one by one.
    """
    grouped = trades.selectExpr("*", _OPEN_TIME, _WHOLE, _PART).groupBy(*_SERIES, "open_time")
    minutes = grouped.agg(*map(F.expr, _AGGREGATES))
    # One question instead of three: Spark works at all at once, and a small batch costs only one round.
    asked = minutes.unionByName(_borders(trades), allowMissingColumns=True)
    if least_amount is not None:
        asked = asked.unionByName(_large(trades, least_amount), allowMissingColumns=True)
    rows = asked.collect()
    big = (
        []
        if least_amount is None
        else [BigTrade(Key(row.exchange, row.symbol), *row.large) for row in rows if row.large]
    )
    summary = Summary([], _ids([row for row in rows if row.starts is not None]), Counter(), {}, big)
    for row in (row for row in rows if row.open_time is not None):
        key = Key(row.exchange, row.symbol)
        summary.partials.append(_partial(key, row))
        summary.repeated[key] += row.trade_count
        summary.oldest[key] = min(row.oldest.timestamp(), summary.oldest.get(key, float("inf")))
    for key, intervals in summary.ids.items():
        summary.repeated[key] -= sum(end - start + 1 for start, end in intervals)
    return summary


def ids(trades: DataFrame) -> dict[Key, list[tuple[int, int]]]:
    """Per series, the trade ids as closed intervals."""
    return _ids(_borders(trades).collect())


def _borders(trades: DataFrame) -> DataFrame:
    """Per series, the ids with which intervals start and end, as words of 64 bits, each beside its place."""
    bit = "shiftleft(1L, cast(trade_id & 63 as int))"
    words = trades.groupBy(*_SERIES, F.expr("shiftright(trade_id, 6) as word")).agg(F.expr(f"bit_or({bit}) as bits"))
    order = "over (partition by exchange, symbol order by word)"
    before = f"if(lag(word) {order} = word - 1, shiftrightunsigned(lag(bits) {order}, 63), 0L)"
    after = f"if(lead(word) {order} = word + 1, shiftleft(lead(bits) {order}, 63), 0L)"
    edges = words.selectExpr(
        *_SERIES,
        "word",
        f"bits & ~(shiftleft(bits, 1) | {before}) as starts",
        f"bits & ~(shiftrightunsigned(bits, 1) | {after}) as ends",
    )
    return edges.groupBy(*_SERIES).agg(
        *(F.expr(f"collect_list(if({name} != 0, struct(word, {name}), null)) as {name}") for name in ("starts", "ends"))
    )


def _large(trades: DataFrame, least_amount: float) -> DataFrame:
    """The trades of an amount."""
    amount = "cast(price as double) * cast(quantity as double)"
    trade = "struct(trade_id, price, quantity, trade_time, buyer_is_maker, unix_micros(timestamp)) as large"
    return trades.where(f"{amount} >= {in_doubles(least_amount)!r}D").selectExpr(*_SERIES, trade)


def _ids(borders: Iterable[Row]) -> dict[Key, list[tuple[int, int]]]:
    return {
        Key(row.exchange, row.symbol): list(zip(_numbers(row.starts), _numbers(row.ends), strict=True))
        for row in borders
    }


def _numbers(words: Iterable[tuple[int, int]]) -> list[int]:
    """The numbers, ascending, whose bits are set in words of 64, each beside its place."""
    return [word * 64 + bit for word, bits in sorted(words) for bit in range(64) if bits >> bit & 1]


def without_seen(trades: DataFrame, seen: Mapping[Key, list[tuple[int, int]]]) -> DataFrame:
    """Each trade once, the one with the lowest offset, and none whose id is in ``seen``."""
    copies = (
        "row_number() over (partition by exchange, symbol, trade_id order by kafka_partition, kafka_offset) as copy"
    )
    once = trades.selectExpr("*", copies).where("copy = 1").select(trades.columns)
    facts = [
        {**key._asdict(), "seen": [{"start": start, "end": end} for start, end in intervals]}
        for key, intervals in seen.items()
    ]
    columns = {"seen": "array<struct<start: bigint, end: bigint>>"}
    return _knowing(once, facts, columns, "not coalesce(exists(seen, x -> trade_id between x.start and x.end), false)")


def without_late(trades: DataFrame, cuts: Sequence[Cut]) -> DataFrame:
    """The trades that came before their minute closed."""
    facts = [{**cut.key._asdict(), "open_time": cut.open_time, "closing_offset": cut.offset} for cut in cuts]
    columns = {"open_time": "bigint", "closing_offset": "bigint"}
    minutes = trades.selectExpr("*", _OPEN_TIME)
    on_time = _knowing(minutes, facts, columns, "closing_offset is null or kafka_offset < closing_offset", "open_time")
    return on_time.drop("open_time")


def newest_times(trades: DataFrame) -> dict[Key, int]:
    """Per series, the time (ms) of the newest trade."""
    rows = trades.groupBy(*_SERIES).agg(F.max("trade_time").alias("newest")).collect()
    return {Key(row.exchange, row.symbol): row.newest for row in rows}


def stored_after(candles: DataFrame, watermarks: Mapping[Key, int]) -> dict[tuple[Key, int], list[int]]:
    """Per series and interval (ms) that has stored candles, when those began that end after the watermark (ms)."""
    facts = [{**key._asdict(), "watermark": mark} for key, mark in watermarks.items()]
    known = table(candles.sparkSession, facts, dict.fromkeys(_SERIES, "string") | {"watermark": "bigint"})
    grouped = candles.join(F.broadcast(known), _SERIES).groupBy(*_SERIES, F.expr(f"{_LENGTH} as length"))
    rows = grouped.agg(F.expr("collect_set(if(close_time >= watermark, open_time, null)) as starts")).collect()
    return {(Key(row.exchange, row.symbol), row.length): row.starts for row in rows}


def since(trades: DataFrame, starts: Mapping[Key, int]) -> DataFrame:
    """The trades that are not older (ms) than their series' start, if it has one."""
    facts = [{**key._asdict(), "start": start} for key, start in starts.items()]
    return _knowing(trades, facts, {"start": "bigint"}, "trade_time >= coalesce(start, 0)")


def newest(candles: DataFrame, most: int, shares: int) -> Iterator[list[Update]]:
    """The newest ``most`` stored candles of each series and interval, oldest first; a share of the series at once."""
    place = "row_number() over (partition by exchange, symbol, interval order by open_time desc) as place"
    for share in range(shares):
        mine = candles.where(f"pmod(hash(exchange, symbol), {shares}) = {share}").selectExpr("*", place)
        rows = mine.where(f"place <= {most}").orderBy("open_time").collect()
        yield [
            Update(
                Key(row.exchange, row.symbol),
                row.close_time - row.open_time + 1,
                Candle(*(row[name] for name in Candle.__struct_fields__)),
                row.missing_trades,
                is_closed=True,
            )
            for row in rows
        ]


def _knowing(
    trades: DataFrame, facts: list[dict[str, Any]], columns: dict[str, str], condition: str, *minute: str
) -> DataFrame:
    """The trades that meet a condition which also knows ``facts``, one at most per series (and minute), else NULL."""
    known = table(trades.sparkSession, facts, dict.fromkeys(_SERIES, "string") | columns)
    joined = trades.join(F.broadcast(known), [*_SERIES, *minute], "left")
    return joined.where(condition).select(trades.columns)


def _partial(key: Key, row: Row) -> Partial:
    return Partial(
        key=key,
        candle=Candle(
            open_time=row.open_time,
            open=row.open,
            high=row.high,
            low=row.low,
            close=row.close,
            volume=row.volume,
            quote_volume=EXACT.add(row.quote_whole, row.quote_part),
            buy_volume=row.buy_volume,
            trade_count=row.trade_count,
            first_trade_id=row.first_trade_id,
            last_trade_id=row.last_trade_id,
        ),
        first_offset=row.first_offset,
        min_offset=row.min_offset,
        max_offset=row.max_offset,
        max_time=row.max_time,
    )
