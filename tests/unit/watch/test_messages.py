from __future__ import annotations

import pytest

from tradestream.topics import CANDLES, SIGNALS, TRADES
from tradestream.watch.messages import read
from unit.watch.events import candle, message, signal, trade


@pytest.mark.parametrize(("topic", "event"), [(TRADES, trade()), (CANDLES, candle()), (SIGNALS, signal())])
def test_what_a_topic_holds_is_read(topic: str, event: object) -> None:
    assert read(topic, message(event)) == event


@pytest.mark.parametrize("topic", [TRADES, CANDLES, SIGNALS])
@pytest.mark.parametrize("value", [b"", b"{", b"\xff", b"null", b'{"exchange":"binance"}', b"[" * 100_000])
def test_what_is_broken_is_nothing(topic: str, value: bytes) -> None:
    assert read(topic, value) is None


@pytest.mark.parametrize(
    ("topic", "event"),
    [
        (CANDLES, candle(close="NaN")),
        (CANDLES, candle(close="1e9")),
        (CANDLES, candle(symbol="\x1b[2J")),
        (SIGNALS, signal("rule\x1b[2J")),
    ],
)
def test_nothing_gets_through_that_would_steer_a_terminal_or_is_no_number(topic: str, event: object) -> None:
    assert read(topic, message(event)) is None


def test_evidence_has_no_depth_that_its_text_could_drown_in() -> None:
    flat = message(signal(evidence={"a": None, "b": 1, "c": 1.5, "d": "x", "e": True}))
    assert read(SIGNALS, flat) is not None
    for depth in (1, 900, 994):
        assert read(SIGNALS, flat.replace(b"1.5", b"[" * depth + b"]" * depth)) is None, depth


def test_evidence_cannot_steer_a_terminal() -> None:
    assert signal(evidence={"a": "\x1b[2J\x9b"}).figures == "a=�[2J�"
