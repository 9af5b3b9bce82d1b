"""Signals: what the rules find in closed candles and in single trades.

The engine takes each closed candle of a series and interval once, in order of time, and nothing else: what it says
depends on the candles alone. A candle that closes before an older one, which misses trades, waits for it. A signal's id
is made from what it is about, so a signal made again after a crash is recognised wherever it has been.
"""

from __future__ import annotations

import uuid
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from tradestream.analytics.candles import MINUTE_MS, Candle, Key, Update
from tradestream.analytics.evidence import BigTrade, Evidence, Moment, Side, of_candle, of_spread, of_trade
from tradestream.analytics.indicators import Figures, IndicatorConfig, Indicators, SeriesState
from tradestream.analytics.intervals import interval_ms, interval_name
from tradestream.analytics.pairs import pair
from tradestream.analytics.publish import Outgoing
from tradestream.analytics.rules import AnyRule, AverageCrossing, CandleRule, LargeTrade, Spread, least_amount

NAMESPACE = uuid.UUID("2b0c5d6e-58a1-4c7f-9f60-7f0a3c1d9e42")
"""The namespace of signal ids (UUID version 5)."""

# How far one exchange's candles may be behind another's and still be compared.
_SPREAD_WINDOW = 60


class Signal(msgspec.Struct, frozen=True):
    """One signal, as it is on the topic and in Parquet.

    Attributes:
        signal_id: UUID of rule, exchange, symbol, interval, open time and subject.
        rule: Name of the rule.
        type: Type of the rule.
        exchange: Where; of a spread, where to buy.
        symbol: Of what, as the exchange writes it.
        interval: Length of the candle, such as 1m; of a large trade 1m.
        open_time: First millisecond of that candle.
        time: When it became true by event time, ms: the end of the candle, or the trade.
        evidence: The figures that fired it.
    """

    signal_id: str
    rule: str
    type: str
    exchange: str
    symbol: str
    interval: str
    open_time: int
    time: int
    evidence: Evidence


class Entry(msgspec.Struct):
    """A series and interval with its closed candles.

    Attributes:
        key: The series.
        interval: Length of the candles in ms.
        series: What is remembered of those that were taken.
        waiting: Those that are newer than one that is still open, oldest first.
    """

    key: Key
    interval: int
    series: SeriesState
    waiting: list[Candle] = []


FirstOpen = Callable[[Key, int], int | None]
"""When (ms) the oldest open candle of a series and interval began; None where none is open."""


class About(NamedTuple):
    """What a signal is about, besides rule and series.

    Attributes:
        interval: Length of the candle in ms.
        open_time: Its first millisecond.
        time: When the signal became true by event time, ms.
        subject: What tells it from others of the same rule and candle.
    """

    interval: int
    open_time: int
    time: int
    subject: str = ""

    @classmethod
    def trade(cls, trade: BigTrade) -> About:
        """A single trade, in its minute."""
        return cls(MINUTE_MS, trade.trade_time // MINUTE_MS * MINUTE_MS, trade.trade_time, str(trade.trade_id))


class EngineState(msgspec.Struct):
    """What an `Engine` needs to go on after a restart."""

    entries: list[Entry] = []


class Engine:
    """Rules and the indicators that they look at.

    Args:
        rules: The rules.
        config: The indicators.
        state: Where an earlier engine stood.
    """

    def __init__(self, rules: Sequence[AnyRule], config: IndicatorConfig, state: EngineState | None = None) -> None:
        self._rules = rules
        self._config = config
        self._candle_rules = [(rule, interval_ms(rule.interval)) for rule in rules if isinstance(rule, CandleRule)]
        averages = [
            (rule.average, period)
            for rule in rules
            if isinstance(rule, AverageCrossing)
            for period in (rule.fast, rule.slow)
        ]
        compares = any(isinstance(rule, Spread) for rule in rules)
        self._indicators = Indicators(config, averages, _SPREAD_WINDOW if compares else 2)
        self._entries: dict[tuple[Key, int], Entry] = {}
        # Which rules look at each.
        self._looking: dict[tuple[Key, int], list[AnyRule]] = {}
        # For each rule about spreads the pair of a series, and who has the same.
        self._pairs: dict[tuple[str, Key], str] = {}
        self._same: dict[tuple[str, int, str], list[Key]] = {}
        for entry in (state or EngineState()).entries:
            self._add(entry)

    @property
    def state(self) -> EngineState:
        """What to store. It shares its parts with the engine: encode it before the engine goes on."""
        return EngineState(list(self._entries.values()))

    @property
    def window(self) -> int:
        """How many candles of a series are remembered at the most."""
        return self._indicators.window

    @property
    def least_amount(self) -> float | None:
        """The least amount of a single trade that any rule wants; None where none does."""
        return least_amount(self._rules)

    @property
    def taken(self) -> list[tuple[Key, int]]:
        """Every series and interval with a closed candle."""
        return list(self._entries)

    def figures(self, key: Key, interval: int) -> Figures:
        """The indicators after the newest closed candle."""
        entry = self._entries.get((key, interval))
        return entry.series.figures if entry else {}

    def warm(self, updates: Iterable[Update], first_open: FirstOpen) -> None:
        """Take closed candles whose signals have left long ago, but for those that are newer than an open one."""
        for entry, candle in self._in_order(updates, first_open):
            self._take(entry, candle)

    def closed(self, updates: Iterable[Update], first_open: FirstOpen) -> list[Signal]:
        """Take the closed ones of ``updates``, each when all before it have closed.

        Returns:
            The signals they make.
        """
        return [
            signal
            for entry, candle in self._in_order(updates, first_open)
            if self._take(entry, candle)
            for signal in self._look(entry, candle)
        ]

    def traded(self, trades: Iterable[BigTrade]) -> list[Signal]:
        """The signals that single trades make, in order of series and id."""
        return [signal for trade in sorted(trades) for signal in traded(self._rules, trade)]

    def _in_order(self, updates: Iterable[Update], first_open: FirstOpen) -> list[tuple[Entry, Candle]]:
        """The closed candles, of ``updates`` and of those that wait, before which none is open; as time went."""
        for update in updates:
            if update.is_closed:
                insort(self._at(update.key, update.interval).waiting, update.candle, key=_open_time)
        ready = []
        for entry in [entry for entry in self._entries.values() if entry.waiting]:
            until = first_open(entry.key, entry.interval)
            count = len(entry.waiting) if until is None else bisect_left(entry.waiting, until, key=_open_time)
            ready += [(entry, candle) for candle in entry.waiting[:count]]
            entry.waiting = entry.waiting[count:]
        return sorted(ready, key=_closing)

    def _take(self, entry: Entry, candle: Candle) -> bool:
        """Compute the indicators with a closed candle; False where it, or a later one, was taken before."""
        bars = entry.series.bars
        if bars and bars[-1].open_time >= candle.open_time:
            return False
        self._indicators.add(entry.series, candle)
        return True

    def _at(self, key: Key, interval: int) -> Entry:
        if (key, interval) not in self._entries:
            self._add(Entry(key, interval, SeriesState()))
        return self._entries[key, interval]

    def _add(self, entry: Entry) -> None:
        key, interval = entry.key, entry.interval
        self._entries[key, interval] = entry
        rules = self._looking[key, interval] = []
        for rule in (each for each, length in self._candle_rules if length == interval and each.covers(*key)):
            if isinstance(rule, Spread):
                name = pair(key.symbol, rule.pairs)
                if name is None:
                    continue  # nothing to compare it with
                self._pairs[rule.called, key] = name
                self._same.setdefault((rule.called, interval, name), []).append(key)
            rules.append(rule)

    def _look(self, entry: Entry, candle: Candle) -> Iterator[Signal]:
        key, interval = entry.key, entry.interval
        moment = Moment(interval, candle, entry.series, self._config)
        about = About(interval, candle.open_time, candle.open_time + interval)
        for rule in self._looking[key, interval]:
            if isinstance(rule, Spread):
                yield from self._compare(rule, key, about)
            elif (evidence := of_candle(rule, moment)) is not None:
                yield _signal(rule, key, about, evidence)

    def _compare(self, rule: Spread, key: Key, about: About) -> Iterator[Signal]:
        """Hold a candle against that of each other exchange which has closed the same minute before."""
        name = self._pairs[rule.called, key]
        here = Side(key, self._entries[key, about.interval].series.bars)
        for other in self._same[rule.called, about.interval, name]:
            if other.exchange == key.exchange:
                continue
            found = of_spread(rule, here, Side(other, self._entries[other, about.interval].series.bars))
            if found is not None:
                buy, sell, evidence = found
                subject = f"{sell.exchange}|{sell.symbol}"
                yield _signal(rule, buy, about._replace(subject=subject), {"pair": name, **evidence})


def traded(rules: Iterable[AnyRule], trade: BigTrade) -> list[Signal]:
    """The signals that a single trade makes, whoever looks at it."""
    return [
        _signal(rule, trade.key, About.trade(trade), evidence)
        for rule in rules
        if isinstance(rule, LargeTrade) and rule.covers(*trade.key)
        if (evidence := of_trade(rule, trade)) is not None
    ]


def message(signal: Signal) -> Outgoing:
    """A signal's message."""
    key = f"{signal.exchange}:{signal.symbol}".encode()
    return Outgoing(key, _encoder.encode(signal), "signal", signal.signal_id)


def row(signal: Signal) -> dict[str, str | int]:
    """A signal's fields with the evidence as JSON text."""
    return msgspec.structs.asdict(signal) | {"evidence": _encoder.encode(signal.evidence).decode()}


_encoder = msgspec.json.Encoder()


def _open_time(candle: Candle) -> int:
    return candle.open_time


def _closing(ready: tuple[Entry, Candle]) -> tuple[int, Key, int]:
    entry, candle = ready
    return candle.open_time + entry.interval, entry.key, entry.interval


def _signal(rule: AnyRule, key: Key, about: About, evidence: Evidence) -> Signal:
    interval = interval_name(about.interval)
    # No name holds a bar, so no two signals are written alike.
    identity = "|".join((rule.called, *key, interval, str(about.open_time), about.subject))
    return Signal(
        signal_id=str(uuid.uuid5(NAMESPACE, identity)),
        rule=rule.called,
        type=rule.type,
        exchange=key.exchange,
        symbol=key.symbol,
        interval=interval,
        open_time=about.open_time,
        time=about.time,
        evidence=evidence,
    )
