"""Large trades by the shortest way: a thread of the driver that signals each as soon as Kafka has the trade.

It is the fast way and not the sure one. The batches make the same signals, so nothing depends on it: it begins at the
end of the topic, commits nothing, and lets go what it cannot look at in time. `sent` has each signal leave once.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from tradestream.analytics.candles import Key
from tradestream.analytics.config import AnalyticsConfig
from tradestream.analytics.evidence import BigTrade
from tradestream.analytics.large_trades import LargeTrades
from tradestream.analytics.metrics import Metrics
from tradestream.analytics.publish import Topics
from tradestream.analytics.sent import Sent
from tradestream.analytics.signals import Signal
from tradestream.analytics.signals import message as signal_message
from tradestream.errors import FatalError
from tradestream.kafka import groupless
from tradestream.logs import line

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.5
_METADATA_SECONDS = 2.0
# Messages that are taken from Kafka's client at once: Python's lock is let go and had again twice for all of them.
_BURST = 1000
# More than so many are a backlog or a replay, which the batches are for: looking at them would take their CPU.
_MOST_A_SECOND = 25_000
_REST_SECONDS = 1.0
_FETCHED_KIB = 8192


class FastPathError(FatalError):
    """The thread ended by itself."""


class FastPath:
    """The thread; there is none where no rule is about single trades.

    Args:
        config: The job's configuration.
        client: librdkafka's configuration of the cluster.
        sent: The signals that left.
        has_taken: Whether a batch has taken a trade, given its series and id; asked in a turn of ``sent``.
        metrics: What Prometheus sees.
    """

    def __init__(
        self,
        config: AnalyticsConfig,
        client: Mapping[str, str],
        sent: Sent,
        has_taken: Callable[[Key, int], bool],
        metrics: Metrics,
    ) -> None:
        self._topic = config.topic
        self._client = client
        self._large_trades = LargeTrades(config.rules, config.lateness_ms)
        # A producer of its own: what the batches flush is not waited for here, nor the other way round.
        self._topics = Topics(client, config.candles_topic, config.signals_topic)
        self._sent = sent
        self._has_taken = has_taken
        self._metrics = metrics
        self._ended = threading.Event()
        self._follows = False
        self._failure: Exception | None = None
        # A job that fails elsewhere does not wait for it.
        self._thread = threading.Thread(target=self._run, name="fast-path", daemon=True)

    def start(self) -> None:
        """Begin with the next trade."""
        if self._large_trades:
            self._thread.start()

    def stop(self) -> None:
        """End it; what it is about to send it sends.

        Raises:
            FastPathError: It had ended by itself.
        """
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        self.check()

    def check(self) -> None:
        """Hold it to running.

        Raises:
            FastPathError: It has ended by itself.
        """
        if self._failure is not None:
            raise FastPathError(f"the fast path ended: {self._failure}") from self._failure

    def _run(self) -> None:
        try:
            with closing(self._consumer()) as consumer:
                self._follow_from_end(consumer)
        except Exception as error:  # noqa: BLE001 - whatever it is, `check` raises it where the job is watched
            self._failure = error

    def _consumer(self) -> Consumer:
        settings: dict[str, object] = {
            "client.id": "trade-analytics-fast-path",
            **groupless(self._client, f"trade-analytics-{uuid.uuid4()}"),
            "auto.offset.reset": "latest",
            "queued.max.messages.kbytes": _FETCHED_KIB,
            "error_cb": self._client_failed,
        }
        return Consumer(settings, logger=log)

    def _follow_from_end(self, consumer: Consumer) -> None:
        reached: list[TopicPartition] = []
        while not self._ended.is_set():
            try:
                ends = self._ends(consumer)
                self._metrics.skipped.inc(_between(reached, ends))
                reached = ends
                consumer.assign(ends)
                self._goes_on()
                try:
                    self._follow(consumer)
                finally:
                    reached = _reached(consumer, ends)
            except KafkaException as error:
                self._has_to_wait(error.args[0])
            consumer.unassign()
            self._ended.wait(_REST_SECONDS)

    def _ends(self, consumer: Consumer) -> list[TopicPartition]:
        topic = consumer.list_topics(self._topic, timeout=_METADATA_SECONDS).topics[self._topic]
        if topic.error is not None:
            raise KafkaException(topic.error)
        ends = []
        for number in topic.partitions:
            end = TopicPartition(self._topic, number)
            end.offset = consumer.get_watermark_offsets(end, timeout=_METADATA_SECONDS)[1]
            ends.append(end)
        return ends

    def _follow(self, consumer: Consumer) -> None:
        """Look at what comes, until it is stopped or too much comes."""
        began, looked_at = time.monotonic(), 0
        while not self._ended.is_set() and looked_at < _MOST_A_SECOND:
            first = consumer.poll(_POLL_SECONDS)
            now = time.monotonic()
            if now - began >= 1:
                began, looked_at = now, 0
            if first is not None:
                messages = [first, *consumer.consume(_BURST, 0)]
                self._look(messages)
                looked_at += len(messages)

    def _look(self, messages: Iterable[Message]) -> None:
        found = []
        for message in messages:
            error = message.error()
            if error is not None:
                raise KafkaException(error)
            large = self._large_trades.find(message.value() or b"", message.timestamp()[1])
            if large is not None:
                found.append(large)
        self._goes_on()
        if found:
            self._send(found)

    def _send(self, found: list[tuple[BigTrade, list[Signal]]]) -> None:
        with self._sent.turn():
            signals = [
                signal
                for trade, signals in found
                if not self._has_taken(trade.key, trade.trade_id)
                for signal in signals
                if self._sent.go_ahead(signal.signal_id)
            ]
            self._topics.publish(map(signal_message, signals))
        self._metrics.sent(signals, [trade for trade, _ in found])

    def _client_failed(self, error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - its only name
            self._has_to_wait(error)

    def _has_to_wait(self, error: KafkaError) -> None:
        if self._follows:
            self._follows = False
            log.warning(line("fast_path_waits", topic=self._topic, cause=error.str()))

    def _goes_on(self) -> None:
        if not self._follows:
            self._follows = True
            log.info(line("fast_path_follows", topic=self._topic))


def _reached(consumer: Consumer, starts: list[TopicPartition]) -> list[TopicPartition]:
    """Where a consumer is that began at ``starts``; it says so only of partitions that had a message."""
    positions = consumer.position(starts)
    return [at if at.offset >= 0 else start for at, start in zip(positions, starts, strict=True)]


def _between(reached: Iterable[TopicPartition], ends: Iterable[TopicPartition]) -> int:
    """How many messages lie between two positions in the same partitions."""
    before = {each.partition: each.offset for each in reached}
    return sum(max(0, end.offset - before.get(end.partition, end.offset)) for end in ends)
