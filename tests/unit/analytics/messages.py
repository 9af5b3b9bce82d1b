"""Messages that are trades, nearly, or odd in one way or another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from tradestream.errors import RejectedError
from tradestream.trade import NAME_PATTERN, Trade, decode, event_id

GOOD_NUMBERS = st.from_regex(r"\A[0-9]{1,6}\.[0-9]{7}[1-9]\Z")
NO_NUMBERS: list[Any] = [
    *("0", "0.0", "-1", "+1", "1e3", "1.", ".5", " 1", "1\n", "", "NaN", "\u0661", "1_0", 1, 1.5, None),
]
NUMBERS = st.one_of(
    st.from_regex(r"\A[0-9]{0,2}[1-9][0-9]{7,12}(\.[0-9]{7,13})?\Z"),
    st.sampled_from(["0.000000000001", "9999999999.999999999999", "0.00000001", "99999999999999.99999999", "0.01"]),
    st.sampled_from(NO_NUMBERS),
)
NAMES = st.from_regex(NAME_PATTERN, fullmatch=True)
# What is right, and what may not be.
FIELDS: dict[str, tuple[Any, list[Any]]] = {
    "event_type": ("trade", ["kline", None]),
    "exchange": ("binance", ["kraken", "", "-", "Binance ", 7]),
    "symbol": ("BTCUSDT", ["BTC/USD", "BTCUSDT\n", "../x", "A" * 64, "A" * 65, "\u00c4"]),
    "trade_time": (1_610_064_000_278, [1_230_768_000_000, 1_230_767_999_999, 10**14 - 1, 10**14, -1, 1.5, "1"]),
    "trade_time_us": (1_610_064_000_278_123, [0, -1, 10**17 - 1, 10**17, "1"]),
    "timestamp": (
        "2021-01-08T00:00:00.301877Z",
        ["2021-01-08T00:00:00Z", "2021-01-08", "2021-02-30T00:00:00Z", "2021-01-08T24:00:00Z", "2008-12-31T23:59:59Z"],
    ),
    "buyer_is_maker": (True, [False, "true", 1, None]),
    "trade_id": (553_287_559, [0, 2**48, 2**62 - 1, 2**62, 2**63 - 1, 2**63, -1, "7", 1.5, None]),
}


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A message that is a trade or nearly one: at most one thing is odd, or both numbers are."""
    fields = {name: good for name, (good, _) in FIELDS.items()}
    odd = draw(st.sampled_from(["none", "numbers", "numbers", "price", "quantity", *FIELDS]))
    if odd in FIELDS:
        fields[odd] = draw(st.sampled_from(FIELDS[odd][1]))
    for name in ("price", "quantity"):
        fields[name] = draw(NUMBERS if odd in (name, "numbers") else GOOD_NUMBERS)
    own = own_id(fields)
    fields["event_id"] = draw(st.sampled_from([own] * 20 + [own.upper(), f"{own[:14]}5{own[15:]}", own[:-1]]))
    # As the producer writes it, if nothing is odd, or any other way.
    names = draw(st.sampled_from([Trade.__struct_fields__, sorted(fields)]))
    separators = draw(st.sampled_from([(",", ":"), (", ", ": ")]))
    content = {name: fields[name] for name in names}
    return json.dumps(content, ensure_ascii=draw(st.booleans()), separators=separators).encode()


def own_id(fields: Mapping[str, Any]) -> str:
    """The event_id of a trade; of ids that are none too, which must not pass where it is as well made."""
    digits = f"{2**63 | int(fields['trade_id'] or 0) % 2**63:x}"
    return f"{event_id(fields['exchange'], fields['symbol'], 0)[:19]}{digits[:4]}-{digits[4:]}"


def produced(**odd: Any) -> str:  # noqa: ANN401 - whatever JSON can say
    """A trade as the producer writes it, with these fields instead of what is right."""
    fields = {name: value for name, (value, _) in FIELDS.items()} | {"price": "1", "quantity": "1"} | odd
    fields.setdefault("event_id", own_id(fields))
    return json.dumps({name: fields[name] for name in Trade.__struct_fields__}, separators=(",", ":"))


def decoded(message: bytes) -> Trade | None:
    """The trade that a message is, if it is one."""
    try:
        return decode(message)
    except RejectedError:
        return None
