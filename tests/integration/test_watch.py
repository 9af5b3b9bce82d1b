"""`tradestream watch` with a real broker, on a pseudo-terminal and in a pipe."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Producer

from integration.broker import Broker, libraries
from integration.programs import wait_for
from tradestream import trade
from tradestream.errors import KafkaUnavailableError
from tradestream.topics import CANDLES, SIGNALS, TRADES
from tradestream.trade import Trade, event_id, iso_utc
from tradestream.watch import reader
from unit.watch.events import candle, message
from unit.watch.events import signal as a_signal

_SOURCES = Path(__file__).parents[2] / "services" / "src"
_END_SECONDS = 10
_SHOWN, _GONE = b"\x1b[?1049h", b"\x1b[?1049l"
_CURSOR_BACK = b"\x1b[?25h"


@pytest.fixture(scope="module")
def market(kafka: Broker) -> Broker:
    """The broker with the pipeline's topics."""
    kafka.create_topics([TRADES, CANDLES, SIGNALS])
    return kafka


def live_trade(symbol: str, trade_id: int, price: str = "39432.48") -> Trade:
    """A trade of this moment."""
    now = time.time_ns()
    return Trade(
        event_id=event_id("binance", symbol, trade_id),
        event_type="trade",
        exchange="binance",
        symbol=symbol,
        price=price,
        quantity="0.1",
        trade_time=now // 1_000_000,
        timestamp=iso_utc(now),
        buyer_is_maker=True,
        trade_id=trade_id,
    )


def produce(kafka: Broker, topic: str, *values: bytes) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(30) == 0


def command(kafka: Broker, *arguments: str) -> list[str]:
    return [
        *(sys.executable, "-W", "error", "-m", "tradestream", "watch"),
        *("--client-config", str(kafka.properties), *arguments),
    ]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(_SOURCES), "TERM": "xterm-256color", **more}


class Terminal:
    """A pseudo-terminal of 100 columns, and the command on it."""

    def __init__(self, kafka: Broker, *arguments: str, **more: str) -> None:
        self._ours, self._theirs = pty.openpty()
        termios.tcsetwinsize(self._theirs, (30, 100))
        self.before = self.mode
        self.seen = b""
        self.process = subprocess.Popen(
            command(kafka, *arguments),
            stdin=self._theirs,
            stdout=self._theirs,
            stderr=self._theirs,
            env=environment(**more),
            start_new_session=True,
        )

    @property
    def mode(self) -> list[object]:
        """How the terminal is set."""
        return termios.tcgetattr(self._theirs)

    def shows(self, what: bytes) -> bool:
        """Whether it has shown that by now."""
        while select.select([self._ours], [], [], 0.01)[0]:
            self.seen += os.read(self._ours, 65_536)
        return what in self.seen

    def waits_for(self, what: bytes) -> None:
        """Waits until it has shown that."""
        wait_for(f"the terminal shows {what!r}", lambda: self.shows(what))

    def type(self, keys: bytes) -> None:
        """Types."""
        os.write(self._ours, keys)

    def ended(self) -> int:
        """Waits for its end, and looks whether the terminal is as it was; returns the exit status."""
        wait_for("it ends", lambda: self.shows(b"\0") or self.process.poll() is not None, _END_SECONDS)
        self.shows(b"")
        assert self.mode == self.before
        assert self.seen.count(_SHOWN) == self.seen.count(_GONE) == 1
        assert self.seen.rindex(_CURSOR_BACK) > self.seen.rindex(b"\x1b[?25l")
        assert b"Traceback" not in self.seen
        return self.process.returncode

    def close(self) -> None:
        """Ends the command without a chance to tidy up, where it has not ended."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._ours)
        os.close(self._theirs)


@contextmanager
def on_terminal(kafka: Broker, *arguments: str, **more: str) -> Iterator[Terminal]:
    terminal = Terminal(kafka, *arguments, **more)
    try:
        yield terminal
    finally:
        terminal.close()


@contextmanager
def in_pipe(kafka: Broker, *arguments: str, **more: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command(kafka, *arguments),
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def test_the_terminal_shows_what_was_and_what_comes(market: Broker) -> None:
    produce(market, CANDLES, message(candle(open="39000")), b"no candle")
    produce(market, SIGNALS, message(a_signal()))
    with on_terminal(market) as terminal:
        terminal.waits_for(b"price-move")
        produce(market, TRADES, trade.encode(live_trade("BTCUSDT", 1, "39432.48")), b"{broken")
        terminal.waits_for(b"39432.48")
        terminal.waits_for(b"+1.11%")
        terminal.waits_for(b"2 messages cannot be read")
        terminal.waits_for(b"gaps in 0 of 1 candles")
        terminal.type(b"x\x1c\x1a")  # Ctrl-\\ and Ctrl-Z, which are keys like others
        terminal.type(b"q")
        assert terminal.ended() == 0


@pytest.mark.parametrize(("end", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_gives_the_terminal_back(market: Broker, end: signal.Signals, status: int) -> None:
    with on_terminal(market) as terminal:
        terminal.waits_for(_SHOWN)
        assert terminal.mode != terminal.before
        for _ in range(20):  # as who holds Ctrl-C down
            terminal.process.send_signal(end)
        assert terminal.ended() == status


def test_no_color_has_no_colours(market: Broker) -> None:
    with on_terminal(market, NO_COLOR="1") as terminal:
        terminal.waits_for(b"39432.48")
        terminal.type(b"q")
        assert terminal.ended() == 0
        assert not re.search(rb"\x1b\[[0-9;]*3[0-7]m", terminal.seen)


def test_a_dumb_terminal_gets_lines(market: Broker) -> None:
    with on_terminal(market, TERM="dumb") as terminal:
        trades = iter(range(100, 1_000))

        def shows() -> bool:
            produce(market, TRADES, trade.encode(live_trade("ETHUSDT", next(trades))))
            return terminal.shows(b" price exchange=binance symbol=ETHUSDT ")

        wait_for("it writes a line", shows)
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.process.wait(_END_SECONDS) == 143
        terminal.shows(b"")
        assert b"\x1b" not in terminal.seen
        assert terminal.mode == terminal.before


def test_a_pipe_gets_lines_of_the_pairs_that_are_wanted(market: Broker) -> None:
    with in_pipe(market, "--symbols", "ETH-USDT", "--max", "2", FORCE_COLOR="1") as process:
        number = 0
        while process.poll() is None:
            number += 1
            values = [trade.encode(live_trade(symbol, 10_000 + number)) for symbol in ("BTCUSDT", "ETHUSDT")]
            produce(market, TRADES, *values)
            assert number < 1_000
        out, err = process.communicate(timeout=_END_SECONDS)
    assert (process.returncode, err) == (0, "")
    assert len(out.splitlines()) == 2
    line = r"\S+Z price exchange=binance symbol=ETHUSDT price=39432.48 trade_id=1\d{4} lag=-?\d+\.\d{3}"
    assert all(re.fullmatch(line, each) for each in out.splitlines())


def test_topics_of_other_names_are_read_where_they_are_given(kafka: Broker) -> None:
    topics = {"--topic": "watch-trades", "--candles-topic": "watch-candles", "--signals-topic": "watch-signals"}
    kafka.create_topics(topics.values())
    produce(kafka, "watch-candles", message(candle(open="39000")))
    produce(kafka, "watch-signals", message(a_signal()))
    with on_terminal(kafka, *(f"{flag}={name}" for flag, name in topics.items())) as terminal:
        produce(kafka, "watch-trades", trade.encode(live_trade("BTCUSDT", 1, "39432.48")))
        for what in (b"39432.48", b"+1.11%", b"price-move", b"watch-trades"):
            terminal.waits_for(what)
        terminal.type(b"q")
        assert terminal.ended() == 0


def test_a_topic_for_two_things_is_refused(kafka: Broker) -> None:
    with in_pipe(kafka, "--topic", "candles") as process:
        _, err = process.communicate(timeout=_END_SECONDS)
    assert process.returncode == 2
    assert "trades, candles and signals have a topic each, not candles, candles, signals" in err


def test_a_reader_that_has_enough_ends_it(market: Broker) -> None:
    with in_pipe(market) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        number = 0
        while process.poll() is None:
            number += 1
            produce(market, TRADES, trade.encode(live_trade("BTCUSDT", 20_000 + number)))
            assert number < 1_000
        assert (process.returncode, process.stderr.read()) == (141, "")


def test_a_topic_that_is_not_there_is_named(kafka: Broker) -> None:
    with (
        pytest.raises(KafkaUnavailableError, match="topics watch-nowhere: "),
        reader.opened({"bootstrap.servers": kafka.bootstrap}, {"watch-nowhere": 0}),
    ):
        pass


def test_a_kafka_that_does_not_answer_is_said(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reader, "_START_SECONDS", 0.5)
    with (
        pytest.raises(KafkaUnavailableError, match="topics nothing: "),
        reader.opened({"bootstrap.servers": "127.0.0.1:1"}, {"nothing": 0}),
    ):
        pass
    assert capfd.readouterr() == ("", "")


def test_it_begins_with_the_newest_and_keeps_up_by_leaving_out(kafka: Broker) -> None:
    kafka.create_topics(["watch-much"], partitions=1)
    produce(kafka, "watch-much", *(b"%d" % number for number in range(100)))
    with reader.opened({"bootstrap.servers": kafka.bootstrap}, {"watch-much": 10}) as topics:
        read = [int(value) for _, value in topics.read(5.0)]
        while len(read) < 10:
            read += [int(value) for _, value in topics.read(0.5)]
        assert read == list(range(90, 100))

        produce(kafka, "watch-much", *(b"%d" % number for number in range(100, 10_100)))
        most = [len(topics.read(5.0)) for _ in range(2)]
        assert max(most) <= reader.TURN_MESSAGES
        topics.look()
        assert topics.trouble == ""
        assert topics.taken == {"watch-much": 10_000}
        assert topics.skipped == 10_000 - sum(most)

        produce(kafka, "watch-much", b"newest")
        assert wait_for("it goes on at the end", lambda: topics.read(0.5)) == [("watch-much", b"newest")]


def test_an_idle_topic_is_looked_at_without_waiting(kafka: Broker) -> None:
    kafka.create_topics(["watch-idle"], partitions=6)
    with reader.opened({"bootstrap.servers": kafka.bootstrap}, {"watch-idle": 10}) as topics:
        topics.read(0.5)
        begin = time.monotonic()
        for _ in range(5):
            topics.look()
            topics.read(0.1)
        assert time.monotonic() - begin < 3, "as if each partition's answer waited for a fetch"
        assert topics.trouble == ""


def test_a_broker_that_goes_away_is_said_and_comes_back(tmp_path: Path) -> None:
    broker = Broker(libraries(), tmp_path)
    broker.start()
    try:
        broker.create_topics([TRADES, CANDLES, SIGNALS])
        with on_terminal(broker) as terminal:
            terminal.waits_for(b"no trade yet")
            broker.stop()
            terminal.waits_for(b"Kafka: ")
            broker.start()
            terminal.seen = terminal.seen.replace(b"q ends it", b"")
            terminal.waits_for(b"q ends it")
            produce(broker, TRADES, trade.encode(live_trade("BTCUSDT", 1, "777.25")))
            terminal.waits_for(b"777.25")
            terminal.type(b"q")
            assert terminal.ended() == 0
    finally:
        broker.stop()
