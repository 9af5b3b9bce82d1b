"""One batch from messages to candles, files and metrics, so that doing it twice shows nothing twice."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import msgspec
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - Spark's own convention

from tradestream import systemd
from tradestream.analytics.answers import Answer, Answers
from tradestream.analytics.batch import LandedBatch
from tradestream.analytics.candles import CandleBook, Key, Update, watermark
from tradestream.analytics.config import AnalyticsConfig
from tradestream.analytics.landing import landing
from tradestream.analytics.metrics import Metrics
from tradestream.analytics.position import Held, Position, resumed
from tradestream.analytics.publish import Topics, message
from tradestream.analytics.rejected import Rejected
from tradestream.analytics.rows import ids, newest, newest_times, since, stored_after, summarise
from tradestream.analytics.schema import REASONS, explained
from tradestream.analytics.sent import Sent
from tradestream.analytics.signals import Engine, Signal
from tradestream.analytics.signals import message as signal_message
from tradestream.analytics.state import Record, StateStore
from tradestream.analytics.storage import Storage
from tradestream.logs import line

log = logging.getLogger(__name__)

_LETTER_BYTES = 131_072
# After so many windows a recursive average has forgotten where it began.
_WARMING = 16
# Of so many series these candles fit into memory at once.
_WARMED_AT_ONCE = 50
# Messages for which a second task is worth its while. What is one task is never shuffled.
_TASK_MESSAGES = 25_000


class Outputs(NamedTuple):
    """Where the results of batches go.

    Attributes:
        store: Records of state.
        storage: Parquet.
        topics: Candles and signals.
        sent: The signals that left.
        dead_letters: Options of Spark's Kafka sink for what is no trade.
        metrics: What Prometheus sees.
    """

    store: StateStore
    storage: Storage
    topics: Topics
    sent: Sent
    dead_letters: dict[str, str]
    metrics: Metrics


class Pipeline:
    """Candle book, state, storage and topics, moved on by one batch or one tick at a time.

    Args:
        config: The job's configuration.
        outputs: Where its results go.
    """

    def __init__(self, config: AnalyticsConfig, outputs: Outputs) -> None:
        self._config = config
        self._dead_letters = outputs.dead_letters
        self._store = outputs.store
        self._storage = outputs.storage
        self._landing = landing(outputs.storage, config.lateness_ms)
        self._topics = outputs.topics
        self._sent = outputs.sent
        self._metrics = outputs.metrics
        self._rejected = Rejected(outputs.metrics.rejected, REASONS)
        self._record = Record()
        # The candles that each step of `Record.closed` closed, as lines.
        self._closed: dict[int, bytes] = {}
        self._answers = self._resumed(self._record)
        self._flushed = time.monotonic()
        self.caught_up = False
        # Why a step failed, before Spark wraps it in errors of its own.
        self.failure: Exception | None = None
        # Batches come on Spark's callback thread, ticks on the main one.
        self.lock = threading.Lock()

    def has_taken(self, key: Key, trade_id: int) -> bool:
        """Whether a batch has taken a trade; ask in a turn of `Sent`."""
        return self._answers.book.has_seen(key, trade_id)

    def start(self, held: Held) -> Position:
        """Load the newest record and finish what it began.

        Args:
            held: What Kafka holds of the topic.

        Returns:
            Where the topic has to be read on.

        Raises:
            LostError: What comes next is no longer in the topic.
            StateError: The newest record is damaged, or closed candles that wait.
            StorageError: What landed or what is stored is damaged.
        """
        record = self._store.load() or Record()
        record.position = resumed(record.position, held)
        self._record = record
        if record.staged:
            self._storage.move(record.staged)
        if record.book is None:
            with systemd.extended():  # by as much as is stored
                self._rebuild()
                self._warm()
            self._save(stored=record.position.offsets, outbox=[])
        else:
            self._answers = self._resumed(record)
            self._storage.require_landed(record.landed)
            self._closed = {step: self._store.kept(step) for step in record.closed}
            self._topics.publish(self._sent.unsent(record.outbox))
        self._storage.clean(self._record.landed)
        self._store.clean(self._closed)
        self._show_indicators(self._answers.engine.taken)
        return record.position

    def process(self, messages: DataFrame, offsets: dict[int, int]) -> None:
        """Take one batch.

        Args:
            messages: Those that follow what was read so far.
            offsets: Of each partition the offset after the last of them.
        """
        with self.lock, self._step():
            self._process(messages, offsets)

    def tick(self, elapsed: float) -> None:
        """Let the clock go on and move landed data into Parquet when it is time.

        Args:
            elapsed: Seconds since the last tick in which the topic was read to its end.
        """
        with self.lock:
            if self.failure is not None:
                return  # of a batch, as the watch says
            with self._step():
                closed, signals = self._answers.advance(int(elapsed * 1000))
                if closed:
                    self._show(closed, signals)
                self._metrics.book(self._answers.book.state, self._config.lateness_ms)
                self._flush_if_due()

    def flush(self) -> None:
        """Move what landed into Parquet now."""
        with self.lock:
            if self.failure is None:
                self._flush()

    @contextmanager
    def _step(self) -> Iterator[None]:
        """Change the record; not after a step that failed half-way, whose record the next start has to show."""
        if self.failure is not None:
            raise self.failure
        try:
            yield
        except Exception as error:
            self.failure = error
            raise

    def _flush(self) -> None:
        self._flushed = time.monotonic()
        record = self._record
        if not record.landed and not record.closed and not record.signals:
            return
        name = f"{record.epoch}-{record.step + 1:012d}"
        landed = record.landed
        closed = self._closed
        self._storage.stage(name, landed, record.landed_rows, [*closed.values()], record.signals)
        stored = record.position.offsets
        self._save(landed=[], landed_rows=0, closed=[], signals=[], stored=stored, staged=name, outbox=[])
        self._closed = {}
        self._storage.move(name)
        # Whichever record is lost now, the one before it does not do this again.
        self._save()
        self._storage.forget(landed)
        self._store.forget(closed)
        self._metrics.landed.set(0)
        candles = sum(each.count(b"\n") for each in closed.values())
        log.info(line("flushed", batches=len(landed), trades=record.landed_rows, candles=candles))

    def _process(self, messages: DataFrame, offsets: dict[int, int]) -> None:
        batch_id = self._record.batch_id + 1
        name = f"{self._record.epoch}-{batch_id:012d}"
        read = self._record.position.offsets
        count = sum(end - read.get(partition, 0) for partition, end in offsets.items())
        tasks = min(self._config.shuffle_partitions, 1 + count // _TASK_MESSAGES)
        landed = self._landing.land(messages, name, tasks)
        self._metrics.batch_size.observe(landed.messages)
        # Spark rounds the share of each partition down.
        self.caught_up = count + len(offsets) <= self._config.max_offsets_per_trigger
        if landed.rejected:
            self._reject(landed.rows())
        answer = self._answers.take(self._landing.batch(name, landed))
        trades = answer.summary.trades.total()
        sent = self._show(
            answer.updates,
            [*answer.large, *answer.closing],
            batch_id=batch_id,
            position=Position(self._record.position.topic_id, offsets),
            landed=[*self._record.landed, answer.batch.name] if trades else self._record.landed,
            landed_rows=self._record.landed_rows + trades,
        )
        if not trades:
            self._storage.forget([answer.batch.name])
        self._metrics.sent([signal for signal in answer.large if signal.signal_id in sent], answer.summary.big)
        self._count(answer)
        if landed.oldest:
            self._metrics.published(landed.oldest.timestamp(), answer.summary.oldest)
        self._flush_if_due()

    def _reject(self, landed: DataFrame) -> None:
        """Send what is no trade to the dead-letter topic; after a crash perhaps again, with the same key.

        A letter is JSON: reason, topic, partition, offset, and the message's first 128 KiB as ``raw`` or, where they
        are no UTF-8, as ``raw_base64``. However encoded, that stays below the megabyte that a topic takes.
        """
        rejected = explained(landed.where("not valid"), self._config.lateness_ms)
        cut = rejected.withColumn("raw", F.expr(f"substring(raw, 1, {_LETTER_BYTES})"))
        letters = cut.selectExpr(
            f"concat_ws(':', '{self._config.topic}', kafka_partition, kafka_offset) as key",
            f"""to_json(named_struct('reason', reason, 'topic', '{self._config.topic}', 'partition', kafka_partition,
                'offset', kafka_offset, 'raw', if(is_valid_utf8(raw), cast(raw as string), null),
                'raw_base64', if(is_valid_utf8(raw), null, base64(raw)))) as value""",
        )
        letters.write.format("kafka").options(**self._dead_letters).save()
        self._rejected.tell(rejected.groupBy("reason").count().collect())

    def _count(self, answer: Answer[LandedBatch]) -> None:
        metrics = self._metrics
        metrics.landed.set(self._record.landed_rows)
        for key, number in answer.summary.trades.items():
            metrics.processed.labels(*key).inc(number)
            # A counter that is there and 0 can be graphed and alerted on.
            metrics.late.labels(*key).inc(answer.late[key])
            metrics.duplicate.labels(*key)
        for key, number in answer.duplicates.items():
            metrics.duplicate.labels(*key).inc(number)

    def _flush_if_due(self) -> None:
        waited = time.monotonic() - self._flushed
        if waited >= self._config.flush_seconds or self._record.landed_rows >= self._config.flush_rows:
            self._flush()

    def _show(self, updates: list[Update], signals: list[Signal], **changes: object) -> set[str | None]:
        """Write the record of a step that changed candles, then show them and the signals; the ids of those it sent."""
        candles = [*map(message, updates)]
        closed = [each.value + b"\n" for each, update in zip(candles, updates, strict=True) if update.is_closed]
        if closed:
            step = self._record.step + 1
            self._closed[step] = b"".join(closed)
            self._store.keep(step, self._closed[step])
        self._save(
            closed=[*self._closed],
            signals=[*self._record.signals, *signals],
            outbox=[*candles, *map(signal_message, signals)],
            **changes,
        )
        unsent = self._sent.unsent(self._record.outbox)
        self._topics.publish(unsent)
        self._metrics.candles(updates)
        self._metrics.signals(signals)
        self._show_indicators({(update.key, update.interval) for update in updates if update.is_closed})
        return {each.signal_id for each in unsent}

    def _show_indicators(self, series: Collection[tuple[Key, int]]) -> None:
        for key, interval in series:
            self._metrics.indicators(key, interval, self._answers.engine.figures(key, interval))

    def _save(self, **changes: object) -> None:
        """Write the next record: this one with ``changes``."""
        self._record = msgspec.structs.replace(
            self._record,
            step=self._record.step + 1,
            book=self._answers.book.state,
            engine=self._answers.engine.state,
            **changes,
        )
        self._metrics.state_bytes.set(self._store.save(self._record))
        self._metrics.position(self._config.topic, self._record.position.offsets)
        self._metrics.book(self._answers.book.state, self._config.lateness_ms)

    def _resumed(self, record: Record) -> Answers:
        book = CandleBook(self._config.intervals_ms, self._config.lateness_ms, record.book)
        engine = Engine(self._config.rules, self._config.indicators, record.engine)
        return Answers(book, engine, self._sent.turn)

    def _rebuild(self) -> None:
        """Begin a new run of records: know the stored trades, and put together the candles that they leave open."""
        with self._storage.reading():
            trades, candles = self._storage.trades(), self._storage.candles()
            if trades is None:
                return
            marks = {key: watermark(time, self._config.lateness_ms) for key, time in newest_times(trades).items()}
            stored = stored_after(candles, marks) if candles is not None else {}
            lengths = self._config.intervals_ms
            starts = {
                key: min(mark // length * length if (key, length) in stored else 0 for length in lengths)
                for key, mark in marks.items()
            }
            book = self._answers.book
            book.remember(ids(trades))
            book.restore(summarise(since(trades, starts)).partials, stored)
        log.info(line("state_rebuilt", storage=self._config.storage))

    def _warm(self) -> None:
        """Begin the indicators with the stored candles; what these signalled was signalled."""
        with self._storage.reading():
            candles = self._storage.candles()
            if candles is not None:
                engine, book = self._answers.engine, self._answers.book
                shares = 1 + len(book.state.series) // _WARMED_AT_ONCE
                for updates in newest(candles, _WARMING * engine.window, shares):
                    engine.warm(updates, book.first_open)
