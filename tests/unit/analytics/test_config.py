from __future__ import annotations

from pathlib import Path

import pytest

from tradestream.analytics.config import load
from tradestream.errors import ConfigError

MINIMAL = """
kafka_client_config: /etc/kafka/client.properties
storage: file:///srv/tradestream
checkpoint: file:///srv/tradestream/checkpoint
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "analytics.yml"
    path.write_text(text)
    return path


def test_defaults_are_the_contract(tmp_path: Path) -> None:
    config = load(write(tmp_path, MINIMAL))
    assert (config.topic, config.dead_letter_topic, config.candles_topic, config.metrics.port) == (
        "streaming-events",
        "streaming-events-dlq",
        "candles",
        8001,
    )
    assert config.intervals_ms == [60_000, 300_000]
    assert config.lateness_ms == 300_000


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("intervals: [7m]", "'7m'.*divides a day"),
        ("intervals: [1x]", "'1x'"),
        ("intervals: [0m]", "'0m'"),
        ("intervals: []", "no interval"),
        ("intervals: [60m, 1h]", "twice"),
        ("max_offsets_per_trigger: 2000000", "max_offsets_per_trigger"),
        ("watermark_minutes: 0", "watermark_minutes"),
        ("candle_topic: x", "unknown key `candle_topic`"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, line: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        load(write(tmp_path, MINIMAL + line))


def test_storage_is_a_uri_that_every_host_reads_alike(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="storage"):
        load(write(tmp_path, MINIMAL.replace("file:///srv/tradestream\n", "/srv/tradestream\n")))
