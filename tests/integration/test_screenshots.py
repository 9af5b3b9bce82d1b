"""Taking pictures, of the Kafka UI and of watch, with a real broker."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.broker import Broker, libraries
from integration.programs import Program
from integration.test_watch import live_trade, produce
from lab import screenshots, watch_picture
from lab.errors import LabError
from tradestream import trade
from tradestream.topics import CANDLES, SIGNALS, TRADES
from unit.watch.events import candle, message

_KIB = 1024


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker of its own with the pipeline's topics, and something in them."""
    broker = Broker(libraries(), tmp_path_factory.mktemp("kafka"))
    try:
        broker.start()
        broker.create_topics([TRADES, CANDLES, SIGNALS])
        produce(broker, TRADES, *(trade.encode(live_trade("BTCUSDT", number)) for number in range(60)))
        produce(broker, CANDLES, *(message(candle(minute)) for minute in range(10)))
        yield broker
    finally:
        broker.stop()


@pytest.fixture(scope="module")
def pages(market: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Where the Kafka UI is."""
    settings = {"listen": {"address": "127.0.0.1", "port": 0}, "kafka_client_config": str(market.properties)}
    with Program(tmp_path_factory.mktemp("kafka-ui"), "kafka-ui", settings) as program:
        yield {"Kafka UI": f"http://127.0.0.1:{program.logged(r'event=kafka_ui_ready .*port=([0-9]+)')[1]}"}


def test_what_runs_is_taken_small_and_1280_pixels_wide_and_the_rest_is_named(
    pages: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Nobody reads here, and nothing comes.
    absent = {"kafka-ui-readers.png", "kafka-ui-tail.png"}
    mine = tuple(each for each in screenshots.PICTURES if each.name not in absent)
    monkeypatch.setattr(screenshots, "PICTURES", mine)
    screenshots.take(pages, tmp_path)
    taken = sorted(tmp_path.iterdir())
    assert [path.name for path in taken] == ["kafka-ui-messages.png", "kafka-ui-topics.png", "kafka-ui.png"]
    for path in taken:
        assert struct.unpack(">I", path.read_bytes()[16:20]) == (1280,)
        assert path.stat().st_size < 300 * _KIB
    assert "alerts.png is left out: this lab has no Prometheus" in capsys.readouterr().err


def test_a_page_that_shows_nothing_is_no_picture(
    pages: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screenshots, "_PATIENCE_MS", 500)
    nobody = screenshots.Picture("x.png", "x", "Kafka UI", "/topics/signals/messages", "price-move")
    monkeypatch.setattr(screenshots, "PICTURES", (nobody,))
    with pytest.raises(LabError, match=r"/topics/signals/messages does not show 'price-move': "):
        screenshots.take(pages, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_watch_is_a_small_svg(market: Broker, tmp_path: Path) -> None:
    watch_picture.take(market.bootstrap, tmp_path / "watch.svg", seconds=2)
    svg = (tmp_path / "watch.svg").read_text()
    assert "39432.48" in svg
    assert len(svg) < 100 * _KIB


def test_a_kafka_that_is_not_the_pipelines_makes_no_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradestream.watch.reader._START_SECONDS", 0.5)
    with pytest.raises(LabError, match="no picture of watch: topics streaming-events, candles, signals: "):
        watch_picture.take("127.0.0.1:1", tmp_path / "watch.svg")
