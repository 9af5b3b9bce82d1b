from __future__ import annotations

import base64

import pytest
from confluent_kafka import Uuid
from hypothesis import given
from hypothesis import strategies as st

from tradestream.errors import KafkaUnavailableError
from tradestream.replay.interrupt import Interrupted
from tradestream.replay.sink import Sink, file_name, topic_id

NOBODY = {"bootstrap.servers": "127.0.0.1:1"}


def test_a_broker_that_is_away_is_waited_for_until_a_turn_ends_it() -> None:
    turns = 0

    def turn() -> None:
        nonlocal turns
        turns += 1
        if turns == 5:
            raise Interrupted

    said: list[str] = []
    sink = Sink(NOBODY, "trades", turn, said.append)
    sink.put(b"BTCUSDT", b"1")
    with pytest.raises(Interrupted):
        sink.settle()
    assert sink.drain(0.1) == 1
    assert said


def test_a_full_queue_waits_and_lets_nothing_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradestream.replay.sink._QUEUE_MESSAGES", 10)

    def turn() -> None:
        raise Interrupted

    sink = Sink(NOBODY, "trades", turn, lambda _: None)
    for number in range(10):
        sink.put(b"BTCUSDT", b"%d" % number)
    with pytest.raises(Interrupted):
        sink.put(b"BTCUSDT", b"11")
    assert sink.drain(0.1) == 10


def test_a_broker_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradestream.replay.sink._METADATA_SECONDS", 0.5)
    with pytest.raises(KafkaUnavailableError, match="no broker tells of topic trades"):
        topic_id(NOBODY, "trades")


@given(number=st.binary(min_size=16, max_size=16))
def test_a_topics_id_is_a_files_name(number: bytes) -> None:
    high, low = (int.from_bytes(half, signed=True) for half in (number[:8], number[8:]))
    assert file_name(Uuid(high, low)) == base64.urlsafe_b64encode(number).decode().rstrip("=")
