"""A signal leaves by one of two ways, never by both."""

from __future__ import annotations

import threading

import pytest

from tradestream.analytics import sent as module
from tradestream.analytics.publish import Outgoing
from tradestream.analytics.sent import Sent
from tradestream.errors import DeliveryError

CANDLE = Outgoing(b"k", b"candle")


def signal(name: str) -> Outgoing:
    return Outgoing(b"k", name.encode(), "signal", name)


def ahead(sent: Sent, name: str) -> bool:
    with sent.turn():
        return sent.go_ahead(name)


def lose(sent: Sent, name: str) -> None:
    with sent.turn():
        sent.go_ahead(name)
        raise DeliveryError("no broker")


def test_what_was_on_the_topic_at_the_start_leaves_by_neither() -> None:
    sent = Sent({"old"})
    assert not ahead(sent, "old")
    for _ in range(2):
        assert sent.unsent([CANDLE, signal("old"), signal("new")]) == [CANDLE, signal("new")]


def test_what_went_ahead_is_left_out_of_its_batch_and_then_forgotten() -> None:
    sent = Sent()
    assert ahead(sent, "a")
    assert not ahead(sent, "a")
    assert sent.unsent([signal("a"), CANDLE]) == [CANDLE]
    assert sent.unsent([signal("a")]) == [signal("a")], "a batch's trades are known by their own ids"


def test_only_so_many_go_ahead_of_the_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_AHEAD", 2)
    sent = Sent()
    assert [ahead(sent, name) for name in "abc"] == [True, True, False]
    sent.unsent([signal("a")])
    assert ahead(sent, "c")


def test_a_batch_waits_until_what_goes_ahead_is_confirmed() -> None:
    sent = Sent()
    answers: list[list[Outgoing]] = []
    batch = threading.Thread(target=lambda: answers.append(sent.unsent([signal("a")])))
    with sent.turn():
        assert sent.go_ahead("a")
        batch.start()
        batch.join(0.1)
        assert batch.is_alive()
    batch.join()
    assert answers == [[]]


def test_after_a_turn_that_failed_nothing_is_sent_or_left_out() -> None:
    sent = Sent()
    with pytest.raises(DeliveryError, match="no broker"):
        lose(sent, "a")
    with pytest.raises(DeliveryError, match="not confirmed"):
        sent.unsent([signal("a")])
    with pytest.raises(DeliveryError), sent.turn():
        pass
