"""What a check has found, for people and for scripts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

from tradestream.ask.agree import Agreement
from tradestream.ask.ids import Ids, Places
from tradestream.ask.storage import Series
from tradestream.ask.when import minute

_ALL_AT_HOME = Places(0, 0)


@dataclass(frozen=True)
class SeriesReport:
    """What was found of one series.

    Attributes:
        series: whose trades.
        ids: what their ids tell; None where there are no trades.
        places: how many lie where they do not belong.
        candles: what closed candles and trades say of each other, by interval.
        compared_from: from when on (ms) candles and trades were compared, where there are older ones of which only
            either are stored; None where all were.
        damage: why it could not be looked at; None where it could.
    """

    series: Series
    ids: Ids | None = None
    places: Places = _ALL_AT_HOME
    candles: dict[str, Agreement] = field(default_factory=dict)
    compared_from: int | None = None
    damage: str | None = None

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        ids = self.ids is None or (self.ids.trades == self.ids.distinct and not self.ids.missing)
        return ids and not any(self.places) and self.damage is None and all(one.whole for one in self.candles.values())

    def as_dict(self) -> dict[str, object]:
        """Returns it as JSON has it."""
        ids = self.ids or Ids(0, 0, None, None, 0, [], 0)
        return {
            **self.series._asdict(),
            "whole": self.whole,
            "trades": ids.trades,
            "duplicates": ids.trades - ids.distinct,
            "first_trade_id": ids.first,
            "last_trade_id": ids.last,
            "missing_trades": ids.missing,
            "missing_ranges": ids.ranges,
            "missing_range_count": ids.range_count,
            "in_another_days_partition": self.places.date,
            "with_another_event_id": self.places.identity,
            "candles": {interval: {**asdict(one), "whole": one.whole} for interval, one in self.candles.items()},
            "candles_compared_from": self.compared_from,
            "damage": self.damage,
        }

    def lines(self) -> Iterator[str]:
        """Yields it in words: what there is, and then what is wrong."""
        yield f"{'ok ' if self.whole else 'BAD'}  {self.series.exchange} {self.series.symbol}: {self._what()}"
        if self.compared_from is not None:
            since = minute(self.compared_from)
            yield f"     candles are compared from {since} UTC on: of older days only trades or only candles are stored"
        for wrong in (*self._wrong_trades(), *self._wrong_candles()):
            yield f"     - {wrong}"

    def _what(self) -> str:
        parts = [f"{self.ids.trades:,} trades, ids {self.ids.first} to {self.ids.last}"] if self.ids else ["no trades"]
        parts += [f"{one.candles:,} candles of {interval}" for interval, one in self.candles.items()]
        # The shortest candles come first, and close first.
        late = next((one.late for one in self.candles.values()), 0)
        return "; ".join([*parts, *([f"{late:,} came late, after their candles were closed"] if late else [])])

    def _wrong_trades(self) -> Iterator[str]:
        if self.damage:
            yield self.damage
        if self.ids and self.ids.missing:
            listed = ", ".join(f"{first} to {last}" if first < last else f"{first}" for first, last in self.ids.ranges)
            more = ", ..." if self.ids.range_count > len(self.ids.ranges) else ""
            yield f"{self.ids.missing:,} ids are missing, in {self.ids.range_count:,} ranges: {listed}{more}"
        if self.ids and self.ids.trades != self.ids.distinct:
            yield f"{self.ids.trades - self.ids.distinct:,} trades are stored more than once"
        if self.places.date:
            yield f"{self.places.date:,} trades are in the partition of another day"
        if self.places.identity:
            yield f"{self.places.identity:,} trades have an event_id of another trade, pair or exchange"

    def _wrong_candles(self) -> Iterator[str]:
        for interval, one in self.candles.items():
            counts = (
                (one.differing, "differ from their trades"),
                (one.lacking, "are not there though their trades are"),
                (one.repeated, "are there more than once"),
            )
            wrong = [f"{count:,} {what}" for count, what in counts if count]
            if wrong:
                first = f"; the first is that of {minute(one.examples[0])} UTC" if one.examples else ""
                yield f"candles of {interval}: {', '.join(wrong)}{first}"


@dataclass(frozen=True)
class Report:
    """What was found of all.

    Attributes:
        storage: where.
        series: each.
    """

    storage: str
    series: list[SeriesReport]

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return all(one.whole for one in self.series)

    def as_json(self) -> str:
        """Returns it as one line."""
        series = [one.as_dict() for one in self.series]
        return json.dumps({"storage": self.storage, "whole": self.whole, "series": series})

    def __str__(self) -> str:
        trades = sum(one.ids.trades for one in self.series if one.ids)
        bad = sum(not one.whole for one in self.series)
        pairs = f"{len(self.series)} pair{'s' * (len(self.series) != 1)}"
        verdict = f"whole: {pairs}, {trades:,} trades" if self.whole else f"not whole: {bad} of {pairs}"
        return "\n".join([*(line for one in self.series for line in one.lines()), verdict])
