"""`tradestream watch`: from Kafka to the terminal, or to a pipe, until somebody has enough."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console

from tradestream.analytics.pairs import pair
from tradestream.ending import silence, told
from tradestream.errors import ConfigError
from tradestream.kafka import client_config
from tradestream.watch import reader
from tradestream.watch.figures import Figures, Rates
from tradestream.watch.lines import Lines
from tradestream.watch.messages import Event, read
from tradestream.watch.reader import Reader
from tradestream.watch.screen import Screen

_TURN_SECONDS = 0.25
_LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class Options:
    """What to watch.

    Attributes:
        symbols: the pairs, in any exchange's style; empty means all.
        interval: which candles.
        max: lines, and the end after so many; None is for ever.
        topics: the topic of `TRADES`, of `CANDLES` and of `SIGNALS` (see `tradestream.topics`), each another.
        client_config: Kafka's client properties.
    """

    symbols: Collection[str]
    interval: str
    max: int | None
    topics: Mapping[str, str]
    client_config: Path


class _View(Protocol):
    """Where it is shown."""

    newest: Mapping[str, int]

    @property
    def done(self) -> bool: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, events: Iterable[Event], figures: Figures, now_ms: int) -> None: ...

    def wait(self, seconds: float) -> None: ...


def run(options: Options) -> int:
    """Watches; returns the exit status.

    Raises:
        ConfigError: Kafka's client properties cannot be used, or a topic is named twice.
        KafkaUnavailableError: no broker answers, or a topic does not exist.
    """
    came: list[int] = []
    view = _view(options)
    kinds = {topic: kind for kind, topic in options.topics.items()}
    if len(kinds) < len(options.topics):
        raise ConfigError(f"trades, candles and signals have a topic each, not {', '.join(options.topics.values())}")
    newest = {topic: view.newest[kind] for topic, kind in kinds.items()}
    try:
        # Until the terminal is another there is nothing to undo: a signal ends it at once.
        with (
            reader.opened(client_config(options.client_config), newest) as topics,
            told(came.append, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT),
            view,
        ):
            _Watch(topics, kinds, options.symbols).follow(view, came)
    except BrokenPipeError:
        silence()
        return 128 + signal.SIGPIPE
    return 128 + came[0] if came else 0


def _view(options: Options) -> _View:
    terminal = sys.stdout.isatty() and os.environ.get("TERM", "") not in ("", "dumb", "unknown")
    if options.max is None and terminal:
        return Screen(Console(force_terminal=True), options.interval)
    return Lines(sys.stdout, options.interval, options.max)


class _Watch:
    """Turns of reading and showing.

    Args:
        topics: what is read.
        kinds: what each topic holds, `TRADES`, `CANDLES` or `SIGNALS`.
        symbols: see `Options`.
    """

    def __init__(self, topics: Reader, kinds: Mapping[str, str], symbols: Collection[str]) -> None:
        self._topics = topics
        self._kinds = kinds
        self._wanted = {pair(symbol) or symbol for symbol in symbols}
        self._rates = Rates()
        self._unreadable = 0

    def follow(self, view: _View, came: Collection[int]) -> None:
        """Goes on until a signal came, or the view is done."""
        looked = time.monotonic()
        self._rates.add(looked, self._topics.taken)
        while not came and not view.done:
            began = time.monotonic()
            messages = self._topics.read(_TURN_SECONDS)
            if began - looked >= _LOOK_SECONDS or len(messages) == reader.TURN_MESSAGES:
                looked = began
                self._look(began)
            view.show(self._events(messages), self._figures(), time.time_ns() // 1_000_000)
            view.wait(max(0.0, began + _TURN_SECONDS - time.monotonic()))

    def _look(self, now: float) -> None:
        if self._topics.look():
            self._rates.add(now, self._topics.taken)

    def _figures(self) -> Figures:
        return Figures(self._rates(), self._topics.skipped, self._unreadable, self._topics.trouble)

    def _events(self, messages: Iterable[tuple[str, bytes]]) -> Iterator[Event]:
        for topic, value in messages:
            event = read(self._kinds[topic], value)
            if event is None:
                self._unreadable += 1
            elif not self._wanted or (pair(event.symbol) or event.symbol) in self._wanted:
                yield event
