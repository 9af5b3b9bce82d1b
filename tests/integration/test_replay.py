"""`tradestream replay`: dumps into a real broker, whatever ends it on the way."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from data.make_dump import KEPT, write_dump
from data.shared import real
from integration.broker import Broker
from integration.programs import wait_for
from tradestream import dump, topic
from tradestream.trade import Trade, decode

_SOURCES = Path(__file__).parents[2] / "services" / "src"
_END_SECONDS = 60
_MANY = 200_000


class Replay:
    """The command with a topic and a directory of progress of its own."""

    def __init__(self, folder: Path, kafka: Broker, name: str) -> None:
        self.topic = name
        self._kafka = kafka
        self._state = folder / "state"

    @contextmanager
    def started(self, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
        """Starts it, and ends it with the test."""
        process = subprocess.Popen(
            [
                *(sys.executable, "-W", "error", "-m", "tradestream", "replay", "--topic", self.topic),
                *("--client-config", str(self._kafka.properties), *map(str, arguments)),
            ],
            env={**os.environ, "PYTHONPATH": str(_SOURCES), "XDG_STATE_HOME": str(self._state)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                yield process
            except BaseException:
                process.kill()
                sys.stdout.write("--- the replay's end:\n{}\n{}\n".format(*process.communicate()))
                raise
            finally:
                process.kill()

    def run(self, *arguments: str | Path) -> tuple[int, str, str]:
        """Runs it to its end; returns exit status, output and errors."""
        with self.started(*arguments) as process:
            return ended(process)

    def done(self, *arguments: str | Path) -> dict[str, Any]:
        """Runs it to its end, which has to be a good one; returns its summary."""
        status, out, errors = self.run(*arguments, "--json")
        assert status == 0, errors
        summary: dict[str, Any] = json.loads(out)
        assert summary["done"]
        return summary

    def noted(self) -> int:
        """Returns the last id in its file of progress; -1 where there is none."""
        try:
            (path,) = (self._state / "tradestream" / "replay").glob("*.json")
            return max((mark["last_id"] for mark in json.loads(path.read_text())["dumps"].values()), default=-1)
        except ValueError:
            return -1

    def trades(self) -> list[Trade]:
        """Returns all trades in Kafka, each checked against the definition."""
        client = {"bootstrap.servers": self._kafka.bootstrap}
        return [decode(message) for message in topic.read(client, self.topic, from_beginning=True, until_end=True)]

    def ids(self) -> list[int]:
        """Returns the ids of all trades in Kafka."""
        return [trade.trade_id for trade in self.trades()]


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Waits for the end; returns exit status, output and errors."""
    try:
        out, errors = process.communicate(timeout=_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        pytest.fail(f"not within {_END_SECONDS} s:\n{process.communicate()[1]}")
    return process.returncode, out, errors


@pytest.fixture
def replay(tmp_path: Path, kafka: Broker, request: pytest.FixtureRequest) -> Replay:
    """A replay into a new topic."""
    name = request.node.name.replace("[", "-").replace("]", "")
    kafka.create_topics([name])
    return Replay(tmp_path, kafka, name)


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A dump of so many trades that it can be met on its way; their ids begin with 1."""
    return write_dump(tmp_path / "BTCUSDT-trades-2024-12-31.csv", _MANY)


def zipped(path: Path) -> Path:
    """Packs a CSV as Binance does, with the checksum beside it."""
    packed = path.with_suffix(".zip")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, path.name)
    digest = hashlib.sha256(packed.read_bytes()).hexdigest()
    packed.with_name(f"{packed.name}.CHECKSUM").write_text(f"{digest}  {packed.name}\n")
    path.unlink()
    return packed


@pytest.mark.parametrize("source", ["generated", "real"])
def test_a_whole_dump_is_in_kafka_trade_by_trade(replay: Replay, source: str) -> None:
    path = KEPT if source == "generated" else real("BTCUSDT-trades-2021-01-08.csv")
    rows = list(dump.read(path))
    assert replay.done(path)["trades"] == len(rows)
    trades = replay.trades()
    assert [trade.trade_id for trade in trades] == [row.trade_id for row in rows]
    for trade, row in zip(trades, rows, strict=True):
        assert (trade.exchange, trade.symbol) == ("binance", "BTCUSDT")
        assert (trade.price, trade.quantity, trade.buyer_is_maker) == (row.price, row.quantity, row.buyer_is_maker)
        assert trade.time_us == row.time_us


def test_a_finished_replay_does_nothing_until_it_is_told_to_begin_again(replay: Replay) -> None:
    replay.done(KEPT)
    before = {trade.trade_id: trade.event_id for trade in replay.trades()}
    status, out, _ = replay.run(KEPT)
    assert (status, out) == (
        0,
        f"nothing to do: {replay.topic} has all trades of 1 dump; --restart sends them again\n",
    )
    assert len(replay.trades()) == len(before)
    assert replay.done(KEPT, "--restart")["trades"] == len(before)
    assert Counter((trade.trade_id, trade.event_id) for trade in replay.trades()) == dict.fromkeys(before.items(), 2)


def test_what_kill_9_ended_goes_on_with_nothing_missing(replay: Replay, many: Path) -> None:
    with replay.started(many, "--speed", "500"):
        wait_for("progress", lambda: replay.noted() > 10_000)
    noted = replay.noted()
    assert noted < _MANY
    summary = replay.done(many)
    assert summary["trades"] == _MANY - noted
    trades = replay.trades()
    assert {trade.trade_id for trade in trades} == set(range(1, _MANY + 1))
    assert len({trade.event_id for trade in trades}) == _MANY
    twice = len(trades) - _MANY
    # Sent after the last save: they begin where it went on, in one piece.
    expected = [*range(1, noted + twice + 1), *range(noted + 1, _MANY + 1)]
    assert [trade.trade_id for trade in trades] == expected


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_delivers_what_was_read_and_nothing_comes_twice(
    replay: Replay, many: Path, signum: signal.Signals, status: int
) -> None:
    with replay.started(many, "--speed", "500") as process:
        wait_for("progress", lambda: replay.noted() > 0)
        process.send_signal(signum)
        ended_with, out, errors = ended(process)
    assert ended_with == status, errors
    assert "the same command goes on" in out
    assert replay.ids() == list(range(1, replay.noted() + 1))
    replay.done(many)
    assert replay.ids() == list(range(1, _MANY + 1))


def test_a_broker_that_is_away_slows_it_and_nothing_is_lost(replay: Replay, many: Path, kafka: Broker) -> None:
    with replay.started(many, "--speed", "500") as process:
        wait_for("progress", lambda: replay.noted() > 0)
        kafka.stop()
        time.sleep(2)
        kafka.start()
        status, _, errors = ended(process)
    assert status == 0, errors
    assert "waiting for it" in errors
    assert replay.ids() == list(range(1, _MANY + 1))


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143)])
def test_only_what_kafka_has_confirmed_is_noted(
    replay: Replay, many: Path, kafka: Broker, signum: signal.Signals, status: int
) -> None:
    with replay.started(many, "--speed", "500") as process:
        wait_for("progress", lambda: replay.noted() > 0)
        kafka.stop()
        try:
            time.sleep(2)
            process.send_signal(signum)
            ended_with, _, errors = ended(process)
        finally:
            kafka.start()
    assert ended_with == status, errors
    assert signum == signal.SIGKILL or "they will be sent again" in errors
    replay.done(many)
    assert set(replay.ids()) == set(range(1, _MANY + 1))


def test_a_wrong_checksum_sends_nothing(replay: Replay, tmp_path: Path) -> None:
    good = zipped(write_dump(tmp_path / "BTCUSDT-trades-2024-12-30.csv", 100))
    bad = write_dump(tmp_path / "ETHUSDT-trades-2024-12-31.csv", 200)
    bad = zipped(bad)
    bad.write_bytes(bad.read_bytes()[:-1] + b"x")
    status, _, errors = replay.run(tmp_path, "--speed", "max")
    assert status == 2
    assert f"{bad}: " in errors
    assert replay.ids() == []
    assert replay.done(tmp_path, "--symbols", "BTC-USDT")["dumps"][0]["file"] == str(good)
    assert replay.ids() == list(range(1, 101))


def test_a_zip_with_its_checksum_says_nothing_and_one_without_says_so(replay: Replay, tmp_path: Path) -> None:
    path = zipped(write_dump(tmp_path / "BTCUSDT-trades-2024-12-31.csv", 100))
    assert replay.run(path)[::2] == (0, "")
    path.with_name(f"{path.name}.CHECKSUM").unlink()
    assert replay.run(path, "--restart")[::2] == (
        0,
        f"{path.name}: not checked, there is no .CHECKSUM beside it\n",
    )


def test_milliseconds_become_microseconds_with_the_new_year(replay: Replay, tmp_path: Path) -> None:
    line = "{},93576.00000000,0.00100000,93.57600000,{},True,True\n"
    (tmp_path / "BTCUSDT-trades-2024-12-31.csv").write_text(line.format(1, 1_735_689_599_999))
    (tmp_path / "BTCUSDT-trades-2025-01-01.csv").write_text(line.format(2, 1_735_689_600_000_123))
    replay.done(tmp_path)
    first, second = replay.trades()
    assert (first.trade_time, first.time_us) == (1_735_689_599_999, 1_735_689_599_999_000)
    assert (second.trade_time, second.time_us) == (1_735_689_600_000, 1_735_689_600_000_123)


def test_a_broken_line_ends_it_and_what_came_before_is_not_sent_again(replay: Replay, tmp_path: Path) -> None:
    path = write_dump(tmp_path / "BTCUSDT-trades-2024-12-31.csv", 100)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:50], "broken\n", *lines[51:]]))
    status, _, errors = replay.run(path)
    assert status == 2
    assert f"{path}: line 51: has 1 columns instead of 7" in errors
    assert replay.ids() == list(range(1, 51))
    path.write_text("".join(lines))
    assert replay.done(path)["trades"] == 50
    assert replay.ids() == list(range(1, 101))


def test_two_at_once_into_one_topic_are_refused(replay: Replay, many: Path) -> None:
    with replay.started(many, "--speed", "1"):
        wait_for("progress", lambda: replay.noted() >= 0)
        status, _, errors = replay.run(many)
        assert (status, errors) == (
            1,
            f"tradestream: another replay into topic {replay.topic} is running: wait for it, or end it\n",
        )


def test_a_topic_that_does_not_exist_is_an_error(tmp_path: Path, kafka: Broker) -> None:
    status, _, errors = Replay(tmp_path, kafka, "not-there").run(KEPT)
    assert status == 1
    assert "topic not-there does not exist: kafka-topics --create" in errors
