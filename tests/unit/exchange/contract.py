"""What holds for every adapter, in a form that tests can ask for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal

from hypothesis import strategies as st

from tradestream.errors import ExchangeRefusedError, RejectedError, ServerShutdownError
from tradestream.exchange import Exchange
from tradestream.exchange.repair import Gap
from tradestream.producer.metrics import REJECT_REASONS
from tradestream.quote import Quote
from tradestream.trade import Trade

NOW = 1_704_164_645_000_000_000

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["0", "-1", "NaN", "1e9"]),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=10,
)


def outcome(read: Callable[[], object]) -> str:
    """Returns what became of a message: "read", what the exchange said, or the reason why it was refused."""
    try:
        read()
    except RejectedError as refused:
        return REJECT_REASONS[REJECT_REASONS.index(refused.reason)]
    except ServerShutdownError:
        return "shutdown"
    except ExchangeRefusedError:
        return "refused"
    return "read"


def read_frame(exchange: Exchange, frame: bytes) -> None:
    """Reads a frame, and makes sure that whatever comes of it has prices and quantities that are numbers."""
    for event in exchange.parse(frame, NOW):
        check(event)


def check(event: Trade | Quote) -> None:
    """Makes sure that prices and quantities are plain decimals above zero."""
    if isinstance(event, Trade):
        numbers = [event.price, event.quantity]
        assert event.exchange
        assert 0 <= event.trade_time < 10**14
    else:
        numbers = [event.bid_price, event.bid_quantity, event.ask_price, event.ask_quantity]
    for number in numbers:
        assert re.fullmatch(r"[0-9]+(\.[0-9]+)?", number)
        assert Decimal(number) > 0


def paths(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place inside a JSON value."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from paths(inner, (*path, index))


def replaced(message: bytes, path: tuple[str | int, ...], value: object) -> bytes:
    """Returns a JSON message with another value at a place."""
    whole = json.loads(message)
    inner = whole
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return json.dumps(whole).encode()


def walk(exchange: Exchange, gap: Gap, ask: Callable[[str], bytes], most_steps: int) -> tuple[list[Trade], Gap | None]:
    """Asks about a gap until it is answered or the exchange knows no more.

    Returns:
        The trades in the order they came, and what the exchange does not know yet.
    """
    trades: list[Trade] = []
    for _ in range(most_steps):
        page = exchange.parse_repair(ask(exchange.repair_url(exchange.url, gap)), gap, NOW)
        trades += page.trades
        if page.rest is None or page.rest == gap:
            return trades, page.rest
        gap = page.rest
    raise AssertionError(f"{gap} after {most_steps} steps")
