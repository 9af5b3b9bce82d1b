"""Strangers' bytes as text."""

from __future__ import annotations

from unittest.mock import create_autospec

import pytest
from confluent_kafka import Message

from tradestream.kafka_ui import shown


def message(key: bytes | None, value: bytes | None, headers: object = None) -> Message:
    """Returns a message as Kafka's client gives it."""
    made = create_autospec(Message, instance=True)
    made.partition.return_value, made.offset.return_value = 3, 14
    made.timestamp.return_value = (1, 1_610_064_000_278)
    made.key.return_value, made.value.return_value, made.headers.return_value = key, value, headers
    return made  # type: ignore[no-any-return]


def value(data: bytes, most: int = 2048, *, indent: bool = False) -> shown.Text:
    text = shown.message(message(None, data), most, indent=indent).value
    assert text is not None
    return text


def test_a_message_is_shown_with_all_that_it_has() -> None:
    found = shown.message(message(b"BTCUSDT", None, [("reason", b"malformed"), ("none", None)]))
    assert (found.partition, found.offset, found.clock) == (3, 14, "2021-01-08T00:00:00.278Z")
    assert found.key is not None
    assert found.key.text == "BTCUSDT"
    assert found.value is None
    (reason, none) = found.headers
    assert (reason[0], reason[1] and reason[1].text, none) == ("reason", "malformed", ("none", None))


def test_headers_that_the_client_cannot_read_take_nothing_from_the_message() -> None:
    found = message(b"key", b"value")
    found.headers.side_effect = SystemError("returned a result with an exception set")  # type: ignore[attr-defined]
    made = shown.message(found)
    assert made.value is not None
    assert made.value.text == "value"
    assert made.headers == [("a name that is no UTF-8: no header can be shown", None)]


def test_bytes_that_are_no_text_are_shown_in_hex() -> None:
    assert value(b"\xff\x00\x10") == shown.Text("ff 00 10", is_binary=True, bytes=3, is_cut=False)
    long = value(b"\xff" * 5000)
    assert (long.is_cut, len(long.text)) == (True, 512 * 3 - 1)


def test_a_cut_leaves_no_half_of_a_character() -> None:
    for most in range(4, 12):
        text = value("€€€€€".encode(), most)
        assert (text.text, text.is_binary, text.is_cut) == ("€" * (most // 3), False, True)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("a\u202eb", r"a\u202eb"),
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("a\x00b", r"a\x00b"),
        ("line\n\tnext", "line\n\tnext"),
        ("<b>ß€</b>", "<b>ß€</b>"),
    ],
)
def test_what_is_invisible_is_made_visible(data: str, text: str) -> None:
    assert value(data.encode()).text == text


def test_json_gets_lines_and_what_only_looks_like_it_stays() -> None:
    assert value(b'{"a":[1]}', indent=True).text == '{\n  "a": [\n    1\n  ]\n}'
    assert value(b"{no json", indent=True).text == "{no json"
    assert value(b"[" * 2000, indent=True).text == "[" * 2000


@pytest.mark.parametrize("strange", [b"", b'"]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",'])
def test_json_that_lines_would_make_a_thousand_times_as_long_stays(strange: bytes) -> None:
    deep = b"[" * 500 + strange + b",".join([b"1"] * 100_000) + b"]" * 500
    assert value(deep, 1 << 20, indent=True).text == deep.decode()
    wide = b"[" + b",".join([b'{"a":"[[[[[[[["}'] * 10_000) + b"]"
    assert value(wide, 1 << 20, indent=True).text.count("\n") == 30_001


@pytest.mark.parametrize(
    ("time", "text"), [(-1, "-"), (0, "1970-01-01T00:00:00.000Z"), (10**17, "100000000000000000 ms")]
)
def test_times_that_are_none_do_no_harm(time: int, text: str) -> None:
    assert shown.clock(time) == text
