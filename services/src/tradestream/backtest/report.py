"""What a backtest has found, for people and for scripts."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from tradestream.ask.output import write_table
from tradestream.ask.when import minute
from tradestream.backtest.hits import Fired, Hits


@dataclass(frozen=True)
class Report:
    """What was found.

    Attributes:
        pairs: Of how many pairs there were trades.
        trades: How many there were, each counted once.
        duplicates: How many came a second time.
        late: How many came after their candle was closed, and are in none.
        first: When the first candle begins, ms since 1970; None where there is none.
        last: When the last one ends.
        seconds: How long it took.
        candles: How many closed, by interval.
        rules: What became of each rule's signals.
    """

    pairs: int
    trades: int
    duplicates: int
    late: int
    first: int | None
    last: int | None
    seconds: float
    candles: dict[str, int]
    rules: Sequence[Fired]

    def as_json(self) -> str:
        """Returns it as one line for scripts."""
        rules = [
            {**asdict(fired), "after": [{**asdict(hits), "hit_rate": hits.rate} for hits in fired.after]}
            for fired in self.rules
        ]
        return json.dumps({**asdict(self), "rules": rules})

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        rate = f"{self.trades / self.seconds:,.0f} trades/s" if self.seconds else "at once"
        when = f", {minute(self.first)} to {minute(self.last)} UTC" if self.first is not None and self.last else ""
        yield f"{_many(self.trades, 'trade')} of {_many(self.pairs, 'pair')}{when}, in {self.seconds:.1f} s ({rate})"
        counts = [f"{_many(count, 'candle')} of {interval}" for interval, count in self.candles.items()]
        signals = _many(sum(fired.signals for fired in self.rules), "signal")
        extra = [
            f"{_many(count, 'trade')} {what}"
            for count, what in ((self.late, "came too late for their candle"), (self.duplicates, "came twice"))
            if count
        ]
        yield "; ".join([*counts, signals, *extra])
        yield self._table() if self.rules else "no rules, so no signals: --rules FILE names some"

    def _table(self) -> str:
        after = [hits.minutes for hits in self.rules[0].after]
        titles = [f"{what} {minutes}m" for minutes in after for what in ("judged", "hit rate", "mean move")]
        rows = [
            [fired.rule, fired.signals, *(cell for hits in fired.after for cell in _cells(hits))]
            for fired in self.rules
        ]
        text = io.StringIO()
        write_table(text, ["rule", "signals", *titles], rows)
        return text.getvalue().rstrip("\n")


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


def _cells(hits: Hits) -> tuple[int, str, str]:
    if hits.rate is None or hits.mean_move_percent is None:
        return hits.judged, "-", "-"
    return hits.judged, f"{hits.rate:.1%}", f"{hits.mean_move_percent:+.3f}%"
