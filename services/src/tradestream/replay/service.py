"""`tradestream replay`: dumps into a topic, and on from where the last run ended."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from tradestream.errors import DumpError
from tradestream.kafka import client_config
from tradestream.replay import checksum, files, tape
from tradestream.replay.interrupt import Interrupt, Interrupted
from tradestream.replay.pace import Pace
from tradestream.replay.progress import Progress, alone, directory
from tradestream.replay.show import Show
from tradestream.replay.sink import Sink, topic_id
from tradestream.replay.summary import Summary
from tradestream.replay.tape import Cursor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradestream.replay.tape import Item

_SAVE_SECONDS = 1.0
_DRAIN_SECONDS = 10.0
_TURN_TRADES = 500
_SLICE_SECONDS = 0.05
_DUE_SECONDS = 0.002
"""So little before its time a trade goes too: to wait for less costs more than it gives."""


@dataclass(frozen=True)
class Options:
    """What to replay, and how.

    Attributes:
        paths: dumps, and directories of dumps.
        symbols: whose; empty means all.
        topic: where to.
        client_config: Kafka's client properties.
        speed: how many times as fast as it was recorded; None is as fast as Kafka takes them.
        restart: begin again, whatever Kafka has.
    """

    paths: Sequence[Path]
    symbols: Sequence[str]
    topic: str
    client_config: Path
    speed: float | None = None
    restart: bool = False


def run(options: Options) -> Summary:
    """Replays until the end, or until SIGINT or SIGTERM.

    Raises:
        DumpError: of a dump that is broken everything before that place is in Kafka, and noted.
        ConfigError: something else cannot be used.
        KafkaUnavailableError: no broker answers, or the topic does not exist.
        DeliveryError: Kafka refuses what is sent.
    """
    client = client_config(options.client_config)
    dumps = files.find(options.paths, options.symbols)
    state = directory(os.environ) / f"{topic_id(client, options.topic)}.json"
    with alone(state, options.topic), Interrupt() as interrupt, Show() as show:
        progress = Progress(state, options.topic, restart=options.restart)
        if options.restart:
            progress.forget(dump.key for each in dumps.values() for dump in each)
        cursors = [[Cursor(dump, progress.of(dump.key)) for dump in each] for each in dumps.values()]
        begin = time.monotonic()
        all_cursors = list(chain.from_iterable(cursors))
        left = [cursor for cursor in all_cursors if not cursor.done]
        with suppress(Interrupted):
            if left:
                checksum.verify_all([cursor.dump for cursor in left], show, interrupt.check)
                _Replay(client, options, progress, show, interrupt).play(cursors)
        return Summary.of(options.topic, all_cursors, time.monotonic() - begin, interrupt.exit_status)


class _Replay:
    """One run: from the tape into Kafka, and what Kafka has confirmed into the file of progress."""

    def __init__(
        self, client: dict[str, str], options: Options, progress: Progress, show: Show, interrupt: Interrupt
    ) -> None:
        self._sink = Sink(client, options.topic, self._turn, self._trouble)
        self._pace = None if options.speed is None else Pace(options.speed)
        self._progress = progress
        self._show = show
        self._interrupt = interrupt
        self._left: list[Cursor] = []
        self._saved_at = time.monotonic()
        self._trades = 0
        self._time_us = 0
        self._in_trouble = False

    def play(self, cursors: Sequence[Sequence[Cursor]]) -> None:
        """Sends all that was not sent; see `run`."""
        self._left = [cursor for cursor in chain.from_iterable(cursors) if not cursor.done]
        self._show.begin("replaying", sum(cursor.dump.size for cursor in self._left))
        try:
            with tape.play(cursors) as items:
                for item in items:
                    self._send(item)
            self._save()
        except DumpError:
            self._save()
            self._show.note(f"{self._trades:,} trades before the broken place are in Kafka, the rest is not")
            raise
        except Interrupted:
            unconfirmed = self._sink.drain(_DRAIN_SECONDS)
            if unconfirmed:
                self._show.note(f"Kafka has not confirmed {unconfirmed:,} trades: they will be sent again")
            else:
                self._note()
            raise

    def _send(self, item: Item) -> None:
        """Sends a trade when it is due."""
        time_us, row, cursor = item
        if self._pace is not None:
            while (wait := self._pace.wait(time_us)) > _DUE_SECONDS:
                self._sink.poll(min(wait, _SLICE_SECONDS))
                self._tick()
        self._sink.put(cursor.key, cursor.message(row, time.time_ns()))
        cursor.last_id = row.trade_id
        cursor.sent += 1
        self._trades += 1
        self._time_us = time_us
        if self._trades % _TURN_TRADES == 0:
            self._sink.poll(0)
            self._tick()

    def _tick(self) -> None:
        self._turn()
        if time.monotonic() - self._saved_at >= _SAVE_SECONDS:
            self._save()

    def _turn(self) -> None:
        """What has to be done often, also while Kafka is waited for."""
        self._interrupt.check()
        if self._show.due:
            self._show.update(sum(cursor.bytes_read for cursor in self._left), self._trades, self._time_us)

    def _save(self) -> None:
        """Waits until Kafka has confirmed all, and notes it."""
        self._sink.settle()
        self._note()

    def _note(self) -> None:
        self._in_trouble = False
        marks = {cursor.dump.key: cursor.mark for cursor in self._left if cursor.last_id >= 0}
        changed = {key: mark for key, mark in marks.items() if mark != self._progress.of(key)}
        if changed:
            self._progress.save(changed)
        self._saved_at = time.monotonic()

    def _trouble(self, text: str) -> None:
        """Says once that Kafka is in trouble, until all is well again."""
        if not self._in_trouble:
            self._show.note(f"Kafka: {text}; waiting for it")
        self._in_trouble = True
