"""Kafka that refuses to be read."""

from __future__ import annotations

from unittest.mock import create_autospec

import pytest
from confluent_kafka import Consumer, KafkaError, Message

from tradestream.errors import KafkaUnavailableError
from tradestream.kafka_ui import shown
from tradestream.kafka_ui.messages import Budget, Source
from tradestream.kafka_ui.search import with_key


def test_a_topic_that_may_not_be_read_is_said_by_the_error_that_callers_know() -> None:
    refusal = create_autospec(Message, instance=True)
    refusal.partition.return_value = 0
    refusal.error.return_value = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    consumer = create_autospec(Consumer, instance=True)
    consumer.poll.return_value = refusal
    source = Source(consumer, "t", shown.message)
    with pytest.raises(KafkaUnavailableError, match="topic t: Broker: Topic authorization failed"):
        source.read({0: (0, 1)}, Budget(), 1, with_key(None), stop_when_full=False)
