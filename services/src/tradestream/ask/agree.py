"""Whether a series' closed candles are what its stored trades say.

A minute's candle holds the trades that came before it closed. Kafka's offsets tell their order, so where a candle has
fewer trades than are stored of its window, it has to be the sum of exactly the first of them: the rest was late. A
longer candle is the sum of the shortest ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tradestream.analytics.candles import MINUTE_MS
from tradestream.analytics.config import interval_ms
from tradestream.ask.connection import Connection

MOST_EXAMPLES = 5

_SUMS = """min(trade_id) AS first_trade_id, max(trade_id) AS last_trade_id, arg_min(price, trade_id) AS open,
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
_CONSISTENT = """c.sell_volume = c.volume - c.buy_volume AND c.price_change = c.close - c.open
    AND c.missing_trades = c.last_trade_id - c.first_trade_id + 1 - c.trade_count
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
        connection: where the tables are, and temporary ones are made.
        trades: SQL for the trades.
        watermark_ms: how late a trade may be.
    """

    def __init__(self, connection: Connection, trades: str, watermark_ms: int) -> None:
        self._connection = connection
        self._trades = trades
        self._watermark = watermark_ms
        connection.execute(
            f"""CREATE OR REPLACE TEMP TABLE minutes AS SELECT trade_time // {MINUTE_MS} * {MINUTE_MS} AS open_time,
                {_SUMS}, min(kafka_offset) AS min_offset, min(epoch_ms(timestamp)) AS received
                FROM {trades} GROUP BY ALL"""
        )
        self._shortest: int | None = None

    def compare(self, candles: str, interval: str, since: int) -> Agreement:
        """Compares the candles of one interval; the shortest one has to come first.

        Args:
            candles: SQL for them.
            interval: their length.
            since: the first window's beginning or before (ms).
        """
        length = interval_ms(interval)
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE candles_{length} AS SELECT * FROM {candles} WHERE open_time >= {since}"
        )
        self._windows(length, since)
        if self._shortest is None:
            self._shortest = length
        table = f"candles_{length}"
        count = self._one(f"SELECT count(*) FROM {table}")
        repeated = count - self._one(f"SELECT count(DISTINCT open_time) FROM {table}")
        late, differing = self._different(length)
        late_only, lacking = self._without_candle(length)
        examples = sorted({*differing, *lacking})[:MOST_EXAMPLES]
        return Agreement(count, late + late_only, repeated, len(differing), len(lacking), examples)

    def _one(self, sql: str) -> int:
        (value,) = self._connection.execute(sql).fetchone() or (0,)
        return int(value or 0)

    def _column(self, sql: str) -> list[int]:
        return [row[0] for row in self._connection.execute(sql).fetchall()]

    def _windows(self, length: int, since: int) -> None:
        """What each window's candle has to be: of trades, and of the shortest candles."""
        for name, source in (("windows", "minutes"), ("sums", f"candles_{self._shortest or length}")):
            more = ", min(min_offset) AS min_offset, min(received) AS received" if source == "minutes" else ""
            self._connection.execute(
                f"""CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM (
                    SELECT open_time // {length} * {length} AS open_time, {_MERGED}{more} FROM {source} GROUP BY 1)
                    WHERE open_time >= {since}"""
            )

    def _different(self, length: int) -> tuple[int, list[int]]:
        """How many trades were late, and which candles are not what they have to be."""
        table, consistent = f"candles_{length}", _CONSISTENT.format(length=length)
        self._connection.execute(
            f"""CREATE OR REPLACE TEMP TABLE suspects AS SELECT c.*, coalesce({consistent}, false) AS consistent
                FROM {table} c LEFT JOIN windows t USING (open_time)
                WHERE NOT coalesce({_EQUAL} AND {consistent}, false)"""
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

    def _first_trades(self, length: int) -> str:
        """SQL for the suspects that are the sum of the first of their window's trades."""
        return f"""SELECT open_time FROM suspects c JOIN (
            SELECT open_time, {_SUMS} FROM (
                SELECT t.*, s.open_time, s.trade_count,
                    row_number() OVER (PARTITION BY s.open_time ORDER BY kafka_offset) AS place
                FROM {self._trades} t JOIN (SELECT DISTINCT open_time, trade_count FROM suspects) s
                    ON t.trade_time // {length} * {length} = s.open_time)
            WHERE place <= trade_count GROUP BY open_time) t USING (open_time) WHERE consistent AND {_EQUAL}"""

    def _without_candle(self, length: int) -> tuple[int, list[int]]:
        """Of the closed windows without a candle: how many trades have those that need none, and which lack theirs."""
        if length != self._shortest:
            # The longer candles close with the shortest ones, and an interval may have been added only lately.
            return 0, self._column(
                f"""SELECT open_time FROM sums ANTI JOIN candles_{length} USING (open_time)
                    WHERE open_time >= (SELECT min(open_time) FROM candles_{length})
                    AND open_time + {length} <= (SELECT max(close_time) + 1 FROM candles_{self._shortest})
                    ORDER BY open_time"""
            )
        windows = self._connection.execute(self._closed_without_candle(length)).fetchall()
        late = sum(count for _, count, lacks in windows if not lacks)
        return late, [open_time for open_time, _, lacks in windows if lacks]

    def _closed_without_candle(self, length: int) -> str:
        """SQL for the windows that are closed and have no candle, and for whether they should: had a trade in time.

        A window closes when a trade comes that is beyond its end by the watermark's distance, and while nothing comes
        by the clock: how much of that has passed between two trades, the times tell at which they were received.
        """
        table, beyond = f"candles_{length}", length + self._watermark
        return f"""WITH timed AS (SELECT open_time, trade_count, min_offset, received,
                min(min_offset) OVER (ORDER BY open_time RANGE BETWEEN {beyond} FOLLOWING AND UNBOUNDED FOLLOWING)
                    AS closing,
                max(open_time) OVER earlier AS newest, arg_max(received, open_time) OVER earlier AS newest_received
                FROM windows
                WINDOW earlier AS (ORDER BY min_offset ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING))
            SELECT open_time, trade_count, coalesce(min_offset < closing, true)
                AND coalesce(newest + received - newest_received < open_time + {self._watermark}, true) AS lacks
            FROM timed ANTI JOIN {table} USING (open_time)
            WHERE closing IS NOT NULL OR open_time + {length} <= (SELECT max(close_time) + 1 FROM {table})
            ORDER BY open_time"""
