"""`tradestream topic`: reading what a topic holds."""

from __future__ import annotations

from pathlib import Path

from confluent_kafka import Producer

from integration.broker import Broker
from tradestream import topic
from tradestream.kafka import client_config


def test_until_end_reads_every_message_of_every_partition_and_ends(tmp_path: Path, kafka: Broker) -> None:
    kafka.create_topics(["until-end"], partitions=3)
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for number in range(100):
        producer.produce("until-end", f"{number}", partition=number % 2)
    assert producer.flush(30) == 0
    (tmp_path / "client.properties").write_text(f"bootstrap.servers={kafka.bootstrap}\n")
    client = client_config(tmp_path / "client.properties")
    messages = topic.read(client, "until-end", from_beginning=True, until_end=True)
    assert sorted(int(message) for message in messages) == list(range(100))
    assert list(topic.read(client, "until-end", from_beginning=False, until_end=True)) == []
