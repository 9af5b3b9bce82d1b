"""A real Kafka broker on loopback, for tests."""

from __future__ import annotations

import base64
import os
import random
import socket
import subprocess
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

if TYPE_CHECKING:
    from collections.abc import Iterable

_START_SECONDS = 60
_STOP_SECONDS = 30
_PORTS = range(20_000, 32_768)


def free_port() -> int:
    """Returns a port of loopback on which nothing listens.

    It lies below those that Linux gives out by itself (net.ipv4.ip_local_port_range), of which one may be taken before
    the service listens: Spark's programs alone ask for several each.
    """
    while True:
        port = random.choice(_PORTS)  # noqa: S311 - no secret
        with socket.socket() as sock, suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port


def libraries() -> Path:
    """Returns the directory of Kafka's jars, or fails the test with what to do."""
    folder = os.environ.get("KAFKA_LIBS")
    if not folder or not any(Path(folder).glob("kafka_2.13-*.jar")):
        pytest.fail(
            "KAFKA_LIBS must name the directory of Kafka's jars; `./lab test integration` sets it", pytrace=False
        )
    return Path(folder)


def end(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Ends a program as an operator would, and without mercy once so many seconds were not enough."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Broker:
    """One KRaft broker that is its own controller; its data outlive `stop`, and nothing is too old for it.

    Attributes:
        bootstrap: its address.
        properties: a client properties file that leads to it.
    """

    def __init__(self, libs: Path, folder: Path) -> None:
        self._libs = libs
        self._folder = folder
        port, controller = free_port(), free_port()
        self.bootstrap = f"127.0.0.1:{port}"
        self.properties = folder / "client.properties"
        self.properties.write_text(f"bootstrap.servers={self.bootstrap}\nsecurity.protocol=PLAINTEXT\n")
        self._config = folder / "server.properties"
        self._config.write_text(
            f"""\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{self.bootstrap},CONTROLLER://127.0.0.1:{controller}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder / "data"}
auto.create.topics.enable=false
log.retention.ms=-1
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
"""
        )
        self._process: subprocess.Popen[bytes] | None = None
        subprocess.run(
            [*self._java("64m"), "kafka.tools.StorageTool", "format", "-t", _cluster_id(), "-c", str(self._config)],
            check=True,
            capture_output=True,
            timeout=_START_SECONDS,
        )

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Starts it and waits until it answers."""
        with (self._folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._java("256m"), "kafka.Kafka", str(self._config)], stdout=log, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                pytest.fail(f"the broker ended:\n{(self._folder / 'broker.log').read_text()[-4000:]}", pytrace=False)
            try:
                self.admin().list_topics(timeout=1)
            except KafkaException:
                continue
            return
        pytest.fail(f"the broker did not answer within {_START_SECONDS} s", pytrace=False)

    def stop(self) -> None:
        """Ends it as an operator would; what it stored stays."""
        if self._process is None:
            return
        end(self._process, _STOP_SECONDS)
        self._process = None

    def kill(self) -> None:
        """Ends it without a chance to tidy up; what it stored stays."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def admin(self) -> AdminClient:
        """Returns an administrator's client."""
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})

    def create_topics(self, names: Iterable[str], partitions: int = 3) -> None:
        """Creates topics and waits until their partitions answer."""
        admin = self.admin()  # a client that nobody holds is ended with its requests
        futures = admin.create_topics([NewTopic(name, partitions, 1) for name in names])
        for name, future in futures.items():
            future.result(timeout=30)
            self._wait_for_leaders(name)

    def _wait_for_leaders(self, topic: str) -> None:
        """Waits as a topic exists for a moment before its partitions have leaders."""
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                self.count(topic)
            except KafkaException:
                if time.monotonic() > deadline:
                    raise
            else:
                return

    def count(self, topic: str) -> int:
        """Returns how many messages a topic has taken."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "count"})
        try:
            partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
            return sum(
                consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=10)[1] for number in partitions
            )
        finally:
            consumer.close()

    def _java(self, heap: str) -> list[str]:
        return ["java", f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{self._libs}/*"]


def _cluster_id() -> str:
    """Kafka writes its ids as base64 without padding; a leading dash would look like an option."""
    return "L" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]
