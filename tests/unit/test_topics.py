"""The topics have the same names wherever none is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from tradestream import topics
from tradestream.analytics.config import AnalyticsConfig
from tradestream.cli import command_line
from tradestream.producer.config import ProducerConfig

ROLE = Path(__file__).parents[2] / "roles/pipeline/defaults/main.yml"
WATCH = command_line().parse_args(["watch"])
REPLAY = command_line().parse_args(["replay", "dumps"])


def _default(section: type[Any], field: str) -> object:
    return next(each.default for each in msgspec.structs.fields(section) if each.name == field)


def _role(name: str) -> object:
    return yaml.safe_load(ROLE.read_text())[name]


@pytest.mark.parametrize(
    ("topic", "names"),
    [
        (
            topics.TRADES,
            {
                _role("pipeline_topic_trades"),
                _default(ProducerConfig, "topic"),
                _default(AnalyticsConfig, "topic"),
                WATCH.topic,
                REPLAY.topic,
            },
        ),
        (
            topics.DEAD_LETTERS,
            {
                _role("pipeline_topic_dlq"),
                _default(ProducerConfig, "dead_letter_topic"),
                _default(AnalyticsConfig, "dead_letter_topic"),
            },
        ),
        (
            topics.CANDLES,
            {_role("pipeline_topic_candles"), _default(AnalyticsConfig, "candles_topic"), WATCH.candles_topic},
        ),
        (
            topics.SIGNALS,
            {_role("pipeline_topic_signals"), _default(AnalyticsConfig, "signals_topic"), WATCH.signals_topic},
        ),
    ],
)
def test_a_topic_has_one_name(topic: str, names: set[object]) -> None:
    assert names == {topic}
