"""The job inside the tests' own process, so that a test can meddle with its clock and its disk."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest
from pyspark.sql import SparkSession

from integration.analytics.job import Job as Program
from integration.programs import wait_for
from tradestream.analytics.config import load
from tradestream.analytics.job import Job
from tradestream.analytics.metrics import Metrics
from tradestream.kafka import client_config

_SECONDS = 120


class Inside:
    """A started job.

    Args:
        spark: The tests' session.
        program: Its configuration and topics; the program itself is not started.
    """

    def __init__(self, spark: SparkSession, program: Program) -> None:
        config = load(program.config)
        self.metrics = Metrics()
        self.job = Job(spark, config, client_config(config.kafka_client_config), self.metrics)
        self.job.start()

    def until(self, what: str, condition: Callable[[], bool]) -> None:
        """Wait for a condition."""
        wait_for(what, condition, _SECONDS)

    def until_taken(self, trades: int) -> None:
        """Wait until so many trades have been taken by this job."""
        self.until(f"{trades} trades", lambda: self.count("events_processed_total") >= trades)

    def count(self, name: str) -> float:
        """The sum of a metric's samples."""
        return sum(
            sample.value
            for metric in self.metrics.registry.collect()
            for sample in metric.samples
            if sample.name == name
        )


class Watched(Inside):
    """A job whose clock goes, as the program's does; it is stopped at the end as that is."""

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.job.watch, args=(self._stop,))
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()
        self.job.stop()


class Disk:
    """What of a directory is on disk: what the kernel was asked for, as it promises no more.

    Args:
        folder: The directory.
        monkeypatch: Puts this in the place of `os.fsync` and `os.sync`.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._contents: dict[int, tuple[int, int]] = {}
        self._names: dict[int, set[str]] = {}
        self._fsync = os.fsync
        monkeypatch.setattr("os.fsync", self.fsync)
        monkeypatch.setattr("os.sync", self.sync)

    def fsync(self, descriptor: int) -> None:
        """Note that a file's content or a directory's names are on disk."""
        self._fsync(descriptor)
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            self._names[status.st_ino] = set(os.listdir(descriptor))
        else:
            self._contents[status.st_ino] = (status.st_size, status.st_mtime_ns)

    def sync(self) -> None:
        """Note that everything is on disk."""
        for path in [self._folder, *self._folder.rglob("*")]:
            descriptor = os.open(path, os.O_RDONLY)
            self.fsync(descriptor)
            os.close(descriptor)

    def cut_power(self, *, names_survive: bool) -> None:
        """Leave what is sure to be there after a power cut.

        Args:
            names_survive: Whether what is not on disk is left as an empty file, or not at all.
        """
        self._cut(self._folder, names_survive)

    def _cut(self, folder: Path, names_survive: bool) -> None:  # noqa: FBT001
        kept = self._names.get(folder.stat().st_ino, set())
        for path in folder.iterdir():
            if path.name not in kept and not names_survive:
                _remove(path)
            elif path.is_dir():
                self._cut(path, names_survive)
            elif self._contents.get(path.stat().st_ino) != (path.stat().st_size, path.stat().st_mtime_ns):
                path.write_bytes(b"")


def _remove(path: Path) -> None:
    if path.is_dir():
        for inner in path.iterdir():
            _remove(inner)
        path.rmdir()
    else:
        path.unlink()
