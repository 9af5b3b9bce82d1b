"""Whether a series' closed candles are what its stored trades say.

A minute's candle holds the trades that came before it closed. Kafka's offsets tell their order, so where a candle has
fewer trades than are stored of its window, it has to be the sum of exactly the first of them: the rest was late. A
longer candle is the sum of the shortest ones.

A candle closes when a trade is far enough beyond it, or before that when ids prove it whole. So one that is whole may
be stored while an older one is still open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from duckdb import DuckDBPyConnection

from tradestream.analytics.candles import MINUTE_MS
from tradestream.analytics.intervals import interval_ms

MOST_EXAMPLES = 5

SUMS = """min(trade_id) AS first_trade_id, max(trade_id) AS last_trade_id, arg_min(price, trade_id) AS open,
    max(price) AS high, min(price) AS low, arg_max(price, trade_id) AS close, sum(quantity) AS volume,
    sum(price * quantity) AS quote_volume,
    coalesce(sum(quantity) FILTER (NOT buyer_is_maker), 0) AS buy_volume, count(*) AS trade_count"""
_MERGED = """min(first_trade_id) AS first_trade_id, max(last_trade_id) AS last_trade_id,
    arg_min(open, first_trade_id) AS open, max(high) AS high, min(low) AS low, arg_max(close, last_trade_id) AS close,
    sum(volume) AS volume, sum(quote_volume) AS quote_volume, sum(buy_volume) AS buy_volume,
    sum(trade_count) AS trade_count"""
_COMPARED = (
    "trade_count",
    "first_trade_id",
    "last_trade_id",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote_volume",
    "buy_volume",
)
_EQUAL = " AND ".join(f"c.{name} = t.{name}" for name in _COMPARED)
# Ids that no trade has count where they may be of a candle. Those between its first and last one that it does not have
# itself are such, but for those of trades that the exchange stamped with the time of another candle.
_MISSING = "c.missing_trades >= c.last_trade_id - c.first_trade_id + 1 - c.trade_count"
_CONSISTENT = """c.sell_volume = c.volume - c.buy_volume AND c.price_change = c.close - c.open
    AND {missing} - coalesce(o.others, 0)
    AND c.close_time = c.open_time + {length} - 1 AND c.open_time % {length} = 0
    AND c."date" = epoch_ms(c.open_time)::DATE"""


@dataclass(frozen=True)
class Agreement:
    """What one interval's candles and the trades say of each other.

    Attributes:
        candles: how many candles there are.
        late: trades that came after the candle of their window was closed, and so are in none.
        repeated: candles of a window that has another one.
        differing: candles that neither the window's trades give nor the first of them; examples by open_time.
        lacking: windows with trades that should have a candle, and have none.
    """

    candles: int = 0
    late: int = 0
    repeated: int = 0
    differing: int = 0
    lacking: int = 0
    examples: list[int] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.repeated or self.differing or self.lacking)


class Comparison:
    """Compares the candles of a series with its trades.

    Args:
        connection: where temporary tables are made.
        trades: SQL for the trades.
        candles: SQL for the candles of each interval.
        since: when the first window begins at the earliest (ms); neither trades nor candles are older.
        watermark_ms: how late a trade may be.
    """

    def __init__(
        self, connection: DuckDBPyConnection, trades: str, candles: Mapping[str, str], since: int, watermark_ms: int
    ) -> None:
        self._connection = connection
        self._trades = trades
        self._since = since
        self._watermark = watermark_ms
        self._lengths = {interval: interval_ms(interval) for interval in sorted(candles, key=interval_ms)}
        self._shortest = min(self._lengths.values(), default=MINUTE_MS)
        self._table(
            "minutes",
            f"""SELECT trade_time // {MINUTE_MS} * {MINUTE_MS} AS open_time, {SUMS}, min(kafka_offset) AS min_offset,
                min(epoch_ms(timestamp)) AS received FROM {trades} GROUP BY ALL""",
        )
        for interval, length in self._lengths.items():
            self._table(f"candles_{length}", f"SELECT * FROM {candles[interval]}")

    def agreements(self) -> dict[str, Agreement]:
        """Compares the candles of each interval, the shortest ones first."""
        return {interval: self._compare(length) for interval, length in self._lengths.items()}

    def _compare(self, length: int) -> Agreement:
        self._windows(length)
        table = f"candles_{length}"
        count = self._one(f"SELECT count(*) FROM {table}")
        repeated = count - self._one(f"SELECT count(DISTINCT open_time) FROM {table}")
        late, differing = self._different(length)
        late_only, lacking = self._without_candle(length)
        examples = sorted({*differing, *lacking})[:MOST_EXAMPLES]
        return Agreement(count, late + late_only, repeated, len(differing), len(lacking), examples)

    def _table(self, name: str, sql: str) -> None:
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql}")

    def _one(self, sql: str) -> int:
        (value,) = self._connection.execute(sql).fetchone() or (0,)
        return int(value or 0)

    def _column(self, sql: str) -> list[int]:
        return [row[0] for row in self._connection.execute(sql).fetchall()]

    def _windows(self, length: int) -> None:
        """What each window's candle has to be: of trades, and of the shortest candles."""
        for name, source in (("windows", "minutes"), ("sums", f"candles_{self._shortest}")):
            more = ", min(min_offset) AS min_offset, min(received) AS received" if source == "minutes" else ""
            self._table(
                name,
                f"""SELECT * FROM (
                    SELECT open_time // {length} * {length} AS open_time, {_MERGED}{more} FROM {source} GROUP BY 1)
                    WHERE open_time >= {self._since}""",
            )

    def _different(self, length: int) -> tuple[int, list[int]]:
        """How many trades were late, and which candles are not what they have to be."""
        table, consistent = f"candles_{length}", _CONSISTENT.format(length=length, missing=_MISSING)
        self._others(table)
        self._table(
            "suspects",
            f"""SELECT c.*, coalesce({consistent}, false) AS consistent
                FROM {table} c LEFT JOIN windows t USING (open_time) LEFT JOIN others o USING (open_time)
                WHERE NOT coalesce({_EQUAL} AND {consistent}, false)""",
        )
        sums = f"SELECT open_time FROM suspects c JOIN sums t USING (open_time) WHERE consistent AND {_EQUAL}"
        merged = set(self._column(sums)) if length != self._shortest else set()
        firsts = set(self._column(self._first_trades(length)))
        differing = set(self._column("SELECT DISTINCT open_time FROM suspects")) - merged - firsts
        stored = dict(
            self._connection.execute(
                "SELECT open_time, t.trade_count - c.trade_count FROM suspects c JOIN windows t USING (open_time)"
            ).fetchall()
        )
        # A longer candle may be the sum of minutes whose trades are gone, which is told of the minutes.
        late = sum(max(0, int(stored.get(open_time, 0))) for open_time in merged | firsts)
        return late, sorted(differing)

    def _others(self, table: str) -> None:
        """How many trades of other windows have ids among those of a candle, where that matters."""
        self._table(
            "others",
            f"""SELECT c.open_time, count(*) AS others FROM {table} c JOIN {self._trades} t
                ON t.trade_id BETWEEN c.first_trade_id AND c.last_trade_id
                AND t.trade_time NOT BETWEEN c.open_time AND c.close_time WHERE NOT {_MISSING} GROUP BY c.open_time""",
        )

    def _first_trades(self, length: int) -> str:
        """SQL for the suspects that are the sum of the first of their window's trades."""
        return f"""SELECT open_time FROM suspects c JOIN (
            SELECT open_time, {SUMS} FROM (
                SELECT t.*, s.open_time, s.trade_count,
                    row_number() OVER (PARTITION BY s.open_time ORDER BY kafka_offset) AS place
                FROM {self._trades} t JOIN (SELECT DISTINCT open_time, trade_count FROM suspects) s
                    ON t.trade_time // {length} * {length} = s.open_time)
            WHERE place <= trade_count GROUP BY open_time) t USING (open_time) WHERE consistent AND {_EQUAL}"""

    def _without_candle(self, length: int) -> tuple[int, list[int]]:
        """Of the closed windows without a candle: how many trades have those that need none, and which lack theirs."""
        if length != self._shortest:
            # The longer candles are the sums of the shortest ones, and an interval may have been added only lately.
            return 0, self._column(
                f"""SELECT open_time FROM sums ANTI JOIN candles_{length} USING (open_time)
                    WHERE open_time >= (SELECT min(open_time) FROM candles_{length})
                    AND open_time + {length} <= {self._closed_before()} ORDER BY open_time"""
            )
        self._passed_over()
        windows = self._connection.execute(self._closed_without_candle()).fetchall()
        late = sum(count for _, count, lacks in windows if not lacks)
        late += self._one("SELECT sum(trade_count) FROM passed_over")
        return late, [open_time for open_time, _, lacks in windows if lacks]

    def _passed_over(self) -> None:
        """The windows without a candle whose trades came when a longer one was whole, so closed: they are late."""
        bare = f"(SELECT * FROM windows ANTI JOIN candles_{self._shortest} USING (open_time))"
        covers = "w.open_time BETWEEN c.open_time AND c.close_time"
        every = " UNION ALL BY NAME ".join(f"FROM candles_{length}" for length in self._lengths.values())
        self._table(
            "whole",
            f"""SELECT c.open_time, c.close_time, max(t.kafka_offset) AS closing
                FROM (SELECT * FROM ({every}) c SEMI JOIN {bare} w ON {covers}) c JOIN {self._trades} t
                    ON t.trade_id BETWEEN c.first_trade_id - 1 AND c.last_trade_id + 1
                GROUP BY c.open_time, c.close_time, c.first_trade_id, c.last_trade_id
                HAVING count(DISTINCT t.trade_id) = c.last_trade_id - c.first_trade_id + 3""",
        )
        self._table(
            "passed_over",
            f"""SELECT DISTINCT w.open_time, w.trade_count
                FROM {bare} w JOIN whole c ON {covers} AND w.min_offset > c.closing""",
        )

    def _closed_by_clock(self) -> int:
        """What ends then (ms) or before is closed, as a candle is that no id follows; 0 where there is none."""
        return self._one(
            f"""SELECT max(close_time) + 1 FROM candles_{self._shortest}
                WHERE last_trade_id = (SELECT max(last_trade_id) FROM minutes)"""
        )

    def _closed_before(self) -> int:
        """What ends then (ms) or before is closed."""
        newest = self._one("SELECT max(open_time) FROM minutes ANTI JOIN passed_over USING (open_time)")
        return max(newest - self._watermark, self._closed_by_clock())

    def _closed_without_candle(self) -> str:
        """SQL for the windows that are closed and have no candle, and for whether they should: had a trade in time.

        A window closes when a trade comes that is beyond its end by the watermark's distance, and while nothing comes
        by the clock: how much of that has passed between two trades, the times tell at which they were received.
        """
        length = self._shortest
        return f"""WITH timed AS (SELECT open_time, trade_count, min_offset, received,
                min(min_offset) OVER (ORDER BY open_time
                    RANGE BETWEEN {length + self._watermark} FOLLOWING AND UNBOUNDED FOLLOWING) AS closing,
                max(open_time) OVER earlier AS newest, arg_max(received, open_time) OVER earlier AS newest_received
                FROM windows ANTI JOIN passed_over USING (open_time)
                WINDOW earlier AS (ORDER BY min_offset ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING))
            SELECT open_time, trade_count, coalesce(min_offset < closing, true)
                AND coalesce(newest + received - newest_received < open_time + {self._watermark}, true) AS lacks
            FROM timed ANTI JOIN candles_{length} USING (open_time)
            WHERE closing IS NOT NULL OR open_time + {length} <= {self._closed_by_clock()}
            ORDER BY open_time"""
