from __future__ import annotations

from pathlib import Path

import pytest

from data.make_dump import write_dump
from tradestream import config
from tradestream.errors import ConfigError
from tradestream.producer.config import ProducerConfig
from tradestream.simulator.config import Connections, SimulatorConfig


def write(folder: Path, text: str) -> Path:
    """Writes a configuration file."""
    path = folder / "service.yml"
    path.write_text(text)
    return path


def refused(path: Path, kind: type[config.Section]) -> str:
    """Returns what is said about a configuration, without the file's name, which must come first."""
    with pytest.raises(ConfigError) as error:
        config.load(path, kind)
    assert str(error.value).startswith(f"{path}: ")
    return str(error.value).removeprefix(f"{path}: ")


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    producer = config.load(write(tmp_path, ""), ProducerConfig)
    (feed,) = producer.feeds
    assert (feed.exchange, len(feed.symbols)) == ("binance", 10)
    assert "POLUSDT" in feed.symbols
    assert "MATICUSDT" not in feed.symbols
    assert (producer.topic, producer.dead_letter_topic) == ("streaming-events", "streaming-events-dlq")
    assert config.load(write(tmp_path, ""), SimulatorConfig).listen.port == 9443


def test_every_key_of_a_producer_is_read(tmp_path: Path) -> None:
    text = """
feeds:
- exchange: binance
  url: wss://data-stream.binance.vision
  symbols: [BTCUSDT, 1INCHUSDT]
- {exchange: kraken, symbols: [BTC-USD], lifetime_seconds: 60}
kafka_client_config: /opt/client.properties
topic: t
dead_letter_topic: d
metrics: {address: 127.0.0.1, port: 8123}
silence_timeout_seconds: 5
reconnect: {min_seconds: 1, max_seconds: 2}
queue_messages: 10
drain_timeout_seconds: 1.5
log_level: debug
"""
    producer = config.load(write(tmp_path, text), ProducerConfig)
    assert [feed.pairs for feed in producer.feeds] == [("BTCUSDT", "1INCHUSDT"), ("BTC/USD",)]
    assert producer.hold_trades_each == producer.repair.hold_trades // 3
    assert producer.kafka_client_config == Path("/opt/client.properties")
    assert producer.metrics.port == 8123
    assert producer.reconnect.max_seconds == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("feeds: []", "feeds: names none"),
        ("feeds: [{}, {}]", "feeds: names binance more than once; one feed takes all its symbols"),
        ("feeds: [{symbols: [btcusdt]}]", "feeds[0].symbols[0]: Expected `str` matching regex"),
        ("feeds: [{symbols: []}]", "feeds[0]: symbols: names none"),
        ("feeds: [{symbols: [BTCUSDT, BTCUSDT]}]", "feeds[0]: symbols: names BTCUSDT more than once"),
        ("feeds: [{}, {exchange: nowhere}]", "feeds[1].exchange: Invalid enum value 'nowhere'"),
        ("feeds: [{url: 'https://api.binance.com'}]", "feeds[0].url: Expected `str` matching regex"),
        ("feeds: [{url: 'wss://stream.binance.com/stream'}]", "feeds[0].url: Expected `str` matching regex"),
        (
            "feeds: [{pairs: []}]",
            "feeds[0]: unknown key `pairs`; allowed here: exchange, lifetime_seconds, symbols, url",
        ),
        ("metrics: {port: 70000}", "metrics.port: Expected `int` <= 65535, got 70000"),
        ("metrics: {prot: 1}", "metrics: unknown key `prot`; allowed here: address, port"),
        ("topics: x", "unknown key `topics`; allowed here: dead_letter_topic, drain_timeout_seconds,"),
        ("silence_timeout_seconds: 0", "silence_timeout_seconds: Expected `float` > 0"),
        ("reconnect: {min_seconds: 5, max_seconds: 1}", "min_seconds must not be above max_seconds"),
        (
            "kafka_client_config: client.properties",
            "kafka_client_config: Expected an absolute path, got",
        ),
        ("queue_messages: many", "queue_messages: Expected `int`, got `str`"),
        ("- 1", "Expected `object`, got `array`"),
        ("a: [", "is not YAML:"),
    ],
)
def test_a_wrong_key_is_named_with_what_is_allowed(tmp_path: Path, text: str, reason: str) -> None:
    assert reason in refused(write(tmp_path, text), ProducerConfig)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "cannot be read" in refused(tmp_path / "gone.yml", ProducerConfig)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("rate: 0", "rate: Expected `float` > 0"),
        ("replay: {file: /d/BTCUSDT-trades-2021-01-08.csv, speed: fast}", "speed"),
        ("replay: {file: /d/BTCUSDT-trades-2021-01-08.csv, speed: 0}", "speed"),
        ("replay: {file: /d/dump.csv}", "say which with `symbol`"),
        ("replay: {fil: /d/dump.csv}", "replay: unknown key `fil`; allowed here: file, speed, symbol"),
        ("symbols: [btc-usdt]", "symbols"),
        ("connections: {ping_seconds: 0}", "connections.ping_seconds: Expected `float` > 0"),
    ],
)
def test_a_wrong_key_of_the_simulator_is_named(tmp_path: Path, text: str, reason: str) -> None:
    assert reason in refused(write(tmp_path, text), SimulatorConfig)


@pytest.mark.parametrize(("text", "speed"), [("2", 2.0), ("0.5", 0.5), ("max", "max")])
def test_the_speed_of_a_replay_is_a_number_or_max(tmp_path: Path, text: str, speed: float | str) -> None:
    dump = write_dump(tmp_path / "BTCUSDT-trades-2021-01-08.csv", 1)
    settings = config.load(write(tmp_path, f"replay: {{file: {dump}, speed: {text}}}"), SimulatorConfig)
    assert settings.replay is not None
    assert settings.replay.speed == speed


def test_the_symbol_of_a_replay_is_traded_beside_the_others(tmp_path: Path) -> None:
    settings = config.load(write(tmp_path, "replay: {file: /d/LTCUSDT-trades-2021.csv}"), SimulatorConfig)
    assert settings.traded == (*config.DEFAULT_SYMBOLS, "LTCUSDT")


def test_a_simulator_trades_pairs_of_all_exchanges(tmp_path: Path) -> None:
    text = "symbols: [BTCUSDT, BTC-USD, BTC/USD]\nconnections: {lifetime_seconds: 2}"
    settings = config.load(write(tmp_path, text), SimulatorConfig)
    assert settings.symbols == ("BTCUSDT", "BTC-USD", "BTC/USD")
    assert settings.connections == Connections(ping_seconds=20, pong_seconds=60, lifetime_seconds=2)


@pytest.mark.parametrize("symbol", ["BTC_USD", "BTC/", "-USD", "BTC-USD-X", "../USD", "btc/usd"])
def test_a_pair_that_no_exchange_writes_so_is_refused(tmp_path: Path, symbol: str) -> None:
    assert "symbols[0]" in refused(write(tmp_path, f"symbols: ['{symbol}']"), SimulatorConfig)
