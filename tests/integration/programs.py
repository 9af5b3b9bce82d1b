"""The simulator and the producer as the programs that hosts run."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec
import pytest
import yaml

from tradestream import topic
from tradestream.simulator.symbols import log_path
from tradestream.trade import decode

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from integration.broker import Broker
    from tradestream.trade import Trade

_SOURCES = Path(__file__).parents[2] / "services" / "src"
_WAIT_SECONDS = 30.0


def wait_for(what: str, condition: Callable[[], Any], seconds: float = _WAIT_SECONDS) -> Any:  # noqa: ANN401
    """Waits until `condition` returns something true, and returns it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.05)
    pytest.fail(f"not within {seconds:g} s: {what}")


class Program:
    """One `tradestream` command with a configuration of its own, ended when the test ends."""

    def __init__(self, folder: Path, command: str, settings: dict[str, Any]) -> None:
        self._command = command
        self._config = folder / f"{command}.yml"
        self._config.write_text(yaml.safe_dump(settings))
        self._log = folder / f"{command}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "tradestream", self._command, "--config", str(self._config)],
                env={**os.environ, "PYTHONPATH": str(_SOURCES)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if kind is not None:
            sys.stdout.write(f"--- log of the {self._command}:\n{self.log()}\n")

    def log(self) -> str:
        """Returns all that it has logged."""
        return self._log.read_text()

    def logged(self, pattern: str) -> re.Match[str]:
        """Waits for a line that matches; fails when the program ends before."""

        def found() -> re.Match[str] | None:
            match = re.search(pattern, self.log())
            if match is None and self._process is not None and self._process.poll() is not None:
                pytest.fail(f"the {self._command} ended with {self._process.returncode}:\n{self.log()}")
            return match

        match: re.Match[str] = wait_for(f"{self._command} logs {pattern}", found)
        return match

    def terminate(self, signum: signal.Signals = signal.SIGTERM) -> int:
        """Sends a signal; returns the exit status."""
        assert self._process is not None
        self._process.send_signal(signum)
        return self._process.wait(_WAIT_SECONDS)

    def peak_mebibytes(self) -> float:
        """Returns the most memory that it has had resident."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    def kill(self) -> None:
        """Ends it without a chance to tidy up."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def wait(self) -> int:
        """Waits for its end; returns the exit status."""
        assert self._process is not None
        return self._process.wait(_WAIT_SECONDS)


class Simulator(Program):
    """The simulated exchange on a free port of loopback."""

    def __init__(self, folder: Path, **settings: Any) -> None:  # noqa: ANN401
        listen = {"address": "127.0.0.1", "port": settings.pop("port", 0)}
        self.state = folder / "state"
        super().__init__(folder, "simulator", {"listen": listen, "state_dir": str(self.state), **settings})

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.logged(r"event=simulator_ready .*port=(\d+)")[1])

    def control(self, action: str, body: bytes = b"") -> int:
        """Makes it do something; returns how many connections that met."""
        url = f"http://127.0.0.1:{self.port}/control/{action}"
        request = urllib.request.Request(url, data=body, method="POST")
        with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310 - http
            clients: int = json.load(response)["clients"]
            return clients

    def ids(self, symbol: str, kind: str = "generated") -> list[int]:
        """Returns the ids of all trades in its log."""
        lines = log_path(self.state / kind, symbol).read_text().splitlines()
        return [int(line.split(",", 1)[0]) for line in lines]


_OF_A_FEED = ("exchange", "symbols", "lifetime_seconds")


class Producer(Program):
    """The producer between a simulator and a broker, with one feed unless `feeds` says otherwise."""

    def __init__(self, folder: Path, kafka: Broker, url: str, name: str, **settings: Any) -> None:  # noqa: ANN401
        self.topic, self.dead_letters = name, f"{name}-dlq"
        self._kafka = kafka
        feed = {"url": url, **{key: settings.pop(key) for key in _OF_A_FEED if key in settings}}
        super().__init__(
            folder,
            "producer",
            {
                "feeds": [feed],
                "kafka_client_config": str(kafka.properties),
                "topic": self.topic,
                "dead_letter_topic": self.dead_letters,
                "metrics": {"address": "127.0.0.1", "port": 0},
                "reconnect": {"min_seconds": 0.05, "max_seconds": 0.2},
                **settings,
            },
        )

    def metrics(self) -> dict[str, float]:
        """Scrapes it; returns each sample's value by its name and labels as Prometheus writes them."""
        port = self.logged(r"event=metrics_listening .*port=(\d+)")[1]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as response:
            lines = response.read().decode().splitlines()
        return {key: float(value) for key, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}

    def metric(self, name: str, **labels: str) -> float:
        """Returns the sum of a metric's samples that carry `labels`."""
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return sum(
            value
            for key, value in self.metrics().items()
            if re.split(r"[{ ]", key)[0] == name and all(label in key for label in wanted)
        )

    def trades(self) -> list[Trade]:
        """Returns all trades in Kafka, each checked against the definition."""
        return [decode(message) for message in self._messages(self.topic)]

    def rejected(self) -> list[dict[str, str]]:
        """Returns all dead letters in Kafka."""
        return [msgspec.json.decode(message) for message in self._messages(self.dead_letters)]

    def _messages(self, name: str) -> list[bytes]:
        client = {"bootstrap.servers": self._kafka.bootstrap}
        expected = self._kafka.count(name)
        messages: list[bytes] = []
        reader = topic.read(client, name, from_beginning=True, timeout=10)
        while len(messages) < expected:
            messages.append(next(reader))
        reader.close()
        return messages
