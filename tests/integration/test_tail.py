"""The newest messages of a topic."""

from __future__ import annotations

import pytest
from confluent_kafka import Producer

from integration.broker import Broker
from tradestream import tail
from tradestream.errors import KafkaUnavailableError


def produce(kafka: Broker, topic: str, numbers: range) -> None:
    """Even numbers to partition 0, odd ones to partition 1."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for number in numbers:
        producer.produce(topic, f"{number}", partition=number % 2)
    assert producer.flush(30) == 0


def test_the_newest_of_each_partition_are_read_and_then_more_of_them(kafka: Broker) -> None:
    kafka.create_topics(["tail"], partitions=3)
    produce(kafka, "tail", range(100))
    with tail.opened({"bootstrap.servers": kafka.bootstrap}, "tail") as end:
        assert end.length == 50
        for most in (5, 20, 50, 500):
            wanted = range(max(0, 100 - 2 * most), 100)
            assert sorted(map(int, end.newest(most))) == list(wanted)


def test_it_ends_where_the_topic_ended_though_more_comes(kafka: Broker) -> None:
    kafka.create_topics(["tail-grows"], partitions=2)
    produce(kafka, "tail-grows", range(10))
    with tail.opened({"bootstrap.servers": kafka.bootstrap}, "tail-grows") as end:
        produce(kafka, "tail-grows", range(10, 20))
        assert set(range(10)) <= set(map(int, end.newest(1_000)))


def test_a_topic_without_messages_has_none(kafka: Broker) -> None:
    kafka.create_topics(["tail-empty"], partitions=3)
    with tail.opened({"bootstrap.servers": kafka.bootstrap}, "tail-empty") as end:
        assert (end.length, list(end.newest(10))) == (0, [])


def test_a_topic_that_is_not_there_is_named(kafka: Broker) -> None:
    with (
        pytest.raises(KafkaUnavailableError, match="topic tail-nowhere: "),
        tail.opened({"bootstrap.servers": kafka.bootstrap, "allow.auto.create.topics": "false"}, "tail-nowhere"),
    ):
        pass
