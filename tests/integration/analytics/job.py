"""The Spark job as the program that a host runs, on local cores and a broker on loopback."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import pyarrow.dataset as ds
import pytest
import yaml
from confluent_kafka import Producer

from integration.broker import Broker
from integration.programs import wait_for
from tradestream import topic
from tradestream.analytics.position import Position
from tradestream.analytics.state import body
from tradestream.trade import Trade, encode, event_id, iso_utc

_SOURCES = Path(__file__).parents[3] / "services" / "src"
# What waits so long hangs. Beside the end-to-end test on two cores one batch has taken 82 s.
_SECONDS = 400.0
# As the role starts the driver: a second compiler takes more of a short run than it saves.
_JAVA = "--driver-java-options '-XX:+UseSerialGC -XX:TieredStopAtLevel=1'"
_RECEIVED = iso_utc(1_800_000_000_000_000_000)


def spark_home() -> Path:
    """Where Spark is, or the test fails with what to do."""
    home = Path(os.environ.get("SPARK_HOME", "/nonexistent"))
    if not (home / "connectors").is_dir():
        pytest.fail("SPARK_HOME must name a Spark with connectors/; `./lab test integration` sets it", pytrace=False)
    return home


def python_path() -> list[str]:
    """Where PySpark is."""
    home = spark_home()
    (py4j,) = (home / "python" / "lib").glob("py4j-*-src.zip")
    return [str(home / "python"), str(py4j)]


def spark_environment() -> dict[str, str]:
    """The environment of a driver with two local cores."""
    home = spark_home()
    connectors = f"{home}/connectors/*"
    return {
        "SPARK_HOME": str(home),
        "PYTHONPATH": ":".join([*python_path(), str(_SOURCES)]),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_SUBMIT_ARGS": f"--master local[2] --driver-memory 700m --conf spark.ui.enabled=false {_JAVA} "
        f"--conf spark.driver.extraClassPath={connectors} pyspark-shell",
    }


class _Taken(msgspec.Struct):
    """What a record of the job's state says of the topic."""

    position: Position


class Job:
    """The job with topics, storage and checkpoint of its own.

    Attributes:
        program: What Python runs.
        environment: Where and how big Spark is: two local cores, unless a test wants it otherwise.
    """

    program: Sequence[str] = ("-m", "tradestream.analytics")

    def __init__(self, folder: Path, kafka: Broker, name: str, **settings: Any) -> None:  # noqa: ANN401
        self.topic, self.dead_letters = name, f"{name}-dlq"
        self.candles, self.signals = f"{name}-candles", f"{name}-signals"
        self.topics = [self.topic, self.dead_letters, self.candles, self.signals]
        self.storage, self.checkpoint = folder / "storage", folder / "checkpoint"
        self.environment = spark_environment()
        self._kafka = kafka
        self._log = folder / "job.log"
        self.config = folder / "analytics.yml"
        self.config.write_text(
            yaml.safe_dump(
                {
                    "kafka_client_config": str(kafka.properties),
                    "topic": self.topic,
                    "dead_letter_topic": self.dead_letters,
                    "candles_topic": self.candles,
                    "signals_topic": self.signals,
                    "storage": self.storage.as_uri(),
                    "checkpoint": self.checkpoint.as_uri(),
                    "flush_seconds": 1,
                    "metrics": {"address": "127.0.0.1", "port": 0},
                    **settings,
                }
            )
        )
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self.kill()
        if kind is not None:
            sys.stdout.write(f"--- log of the job:\n{self.log()[-8000:]}\n")

    def start(self) -> None:
        """Start it."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self.program, "--config", str(self.config)],
                # Executors' hosts need no Python of this distribution: on them it has this path, and is not there.
                env={**os.environ, **self.environment, "PYSPARK_PYTHON": "/nowhere/python"},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Process id of Python, whose child the JVM is."""
        assert self._process is not None
        return self._process.pid

    @property
    def ended(self) -> int | None:
        """The exit status, or None while it runs."""
        return self._process.poll() if self._process is not None else None

    def kill(self) -> None:
        """End Python and the JVM without a chance to tidy up."""
        assert self._process is not None
        kill_group(self._process)

    def terminate(self) -> int:
        """End it as systemd would; return the exit status."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(60)

    def wait(self) -> int:
        """Wait for its end; return the exit status."""
        assert self._process is not None
        return self._process.wait(_SECONDS)

    def log(self) -> str:
        """All that it has logged since it was started."""
        return self._log.read_text()

    def until(self, what: str, condition: Any) -> Any:  # noqa: ANN401
        """Wait for a condition; fail as soon as the job has ended."""

        def check() -> Any:  # noqa: ANN401
            if self._process is not None and self._process.poll() is not None:
                pytest.fail(f"the job ended with {self._process.returncode}:\n{self.log()[-6000:]}", pytrace=False)
            return condition()

        return wait_for(what, check, _SECONDS)

    def produce(self, values: Iterable[tuple[str, bytes]]) -> None:
        """Put messages, each a key and a value, into the job's topic."""
        producer = Producer({"bootstrap.servers": self._kafka.bootstrap, "enable.idempotence": True})
        for key, value in values:
            producer.produce(self.topic, value, key.encode())
        assert producer.flush(30) == 0

    def taken(self) -> int:
        """How many messages of the topic are in batches that are done."""
        newest = max((self.checkpoint / "state").glob("[0-9]*.state"), default=None)
        if newest is None:
            return 0
        record = msgspec.msgpack.decode(body(newest.read_bytes()), type=_Taken)
        return sum(record.position.offsets.values())

    def trades(self) -> list[dict[str, Any]]:
        """All rows of Parquet that a reader sees now."""
        return _rows(self.storage / "trades")

    def stored_candles(self) -> list[dict[str, Any]]:
        """All closed candles that a reader sees now."""
        return _rows(self.storage / "candles")

    def published(self) -> list[dict[str, Any]]:
        """All messages of the candles' topic, in order for each key."""
        return self._read(self.candles)

    def signalled(self) -> list[dict[str, Any]]:
        """All messages of the signals' topic."""
        return self._read(self.signals)

    def stored_signals(self) -> list[dict[str, Any]]:
        """All signals that a reader sees now."""
        return _rows(self.storage / "signals")

    def rejected(self) -> list[dict[str, Any]]:
        """All dead letters."""
        return self._read(self.dead_letters)

    def metric(self, name: str) -> float:
        """Sum of a metric's samples."""
        ports = re.findall(r"event=metrics_listening .*port=(\d+)", self.log())
        with urllib.request.urlopen(f"http://127.0.0.1:{ports[-1]}/metrics", timeout=5) as response:
            lines = response.read().decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if re.split(r"[{ ]", line)[0] == name)

    def messages(self, name: str) -> list[bytes]:
        """All messages of a topic, in order for each key."""
        count = self._kafka.count(name)
        reader = topic.read({"bootstrap.servers": self._kafka.bootstrap}, name, from_beginning=True, timeout=10)
        messages = [next(reader) for _ in range(count)]
        reader.close()
        return messages

    def _read(self, name: str) -> list[dict[str, Any]]:
        return [msgspec.json.decode(value) for value in self.messages(name)]


def trade(number: int, time: int, price: str = "10", quantity: str = "1", **others: Any) -> Trade:  # noqa: ANN401
    """A trade with sensible values for what a test does not care about."""
    exchange, symbol = others.pop("exchange", "binance"), others.pop("symbol", "BTCUSDT")
    return Trade(
        event_id=event_id(exchange, symbol, number),
        event_type="trade",
        exchange=exchange,
        symbol=symbol,
        price=price,
        quantity=quantity,
        trade_time=time,
        timestamp=_RECEIVED,
        buyer_is_maker=others.pop("buyer_is_maker", False),
        trade_id=number,
    )


def message(trade: Trade) -> tuple[str, bytes]:
    """Key and value of a trade's message."""
    return trade.symbol, encode(trade)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a program and what it started, of which some may live on when it has ended."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _rows(folder: Path) -> list[dict[str, Any]]:
    if not folder.exists():
        return []
    rows: list[dict[str, Any]] = ds.dataset(folder, format="parquet", partitioning="hive").to_table().to_pylist()
    return rows
