from __future__ import annotations

import io
import re
from typing import Any

import pytest
from rich.console import Console

from tradestream.watch.figures import Figures, Rates
from tradestream.watch.market import Market
from tradestream.watch.messages import Event
from tradestream.watch.screen import picture, sparkline
from unit.watch.events import NOW_MS, candle, signal, trade

STYLE = "\x1b\\[[0-9;]*m"
RATES = {"streaming-events": 1234.5, "candles": 12.0, "signals": 0.0}
EVENTS: list[Event] = [
    *(candle(minute, close=f"{39400 - minute}") for minute in range(1, 9)),
    candle(0, is_closed=False),
    candle(1, symbol="ETHUSDT", missing_trades=7),
    trade("39432.48000000", trade_time=NOW_MS - 1_500),
    trade("1200.5", symbol="ETHUSDT"),
    signal(),
]


def drawn(
    events: list[Event],
    figures: Figures = Figures(RATES),  # noqa: B008 - frozen
    size: tuple[int, int] = (120, 30),
    *,
    encoding: str = "utf-8",
    no_color: bool = False,
) -> list[str]:
    """The lines of a picture."""
    known = Market("1m")
    known.take(events)
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(
        file=out, width=size[0], height=size[1], force_terminal=True, no_color=no_color, color_system="truecolor"
    )
    console.print(picture(known, figures, NOW_MS, console))
    out.flush()
    out.seek(0)
    return out.read().splitlines()


def plain(*arguments: Any, **more: Any) -> list[str]:  # noqa: ANN401 - those of `drawn`
    """The same without what colours them."""
    return [re.sub(STYLE, "", line) for line in drawn(*arguments, **more)]


def line_with(lines: list[str], *words: str) -> str:
    return next(line for line in lines if all(word in line for word in words))


def test_it_shows_prices_candles_signals_and_how_the_pipeline_does() -> None:
    lines = plain(EVENTS)
    assert line_with(lines, "lag 0.0s  gaps in 1 of 9 candles", "streaming-events 1,234.5/s", "candles 12.0/s")
    assert line_with(lines, "BTCUSDT", "39432.48000000", "+1.11%", "8m", "1.5s", "█")
    assert line_with(lines, "00:10:00", "39999.5", "38888.8", "39400", "12.345", "321", "open")
    assert line_with(lines, "00:09:00", "ETHUSDT", "7")
    assert line_with(lines, "price-move", "direction=up percent=1.5")
    assert line_with(lines, "q ends it")


@pytest.mark.parametrize("width", [30, 40, 60, 79, 80, 200])
@pytest.mark.parametrize("height", [5, 10, 24, 60])
def test_it_fits_and_cuts_no_price(width: int, height: int) -> None:
    lines = plain(EVENTS, size=(width, height))
    assert max(map(len, lines)) <= width
    assert len(lines) <= max(height, 8)
    assert line_with(lines, "BTCUSDT", "39432.48000000")


def test_what_matters_less_goes_first_below_eighty_columns() -> None:
    wide, narrow = plain(EVENTS, size=(80, 30)), plain(EVENTS, size=(44, 30))
    assert line_with(wide, "exchange", "price", "change", "over", "lag", "trend")
    assert line_with(narrow, "symbol", "price", "change").split() == ["symbol", "price", "change"]
    assert line_with(narrow, "candle", "symbol").split() == ["candle", "symbol", "close", "missing"]
    assert line_with(narrow, "lag 0.0s  gaps in 1 of 9 candles")


def test_many_pairs_leave_room_for_candles_and_say_that_there_are_more() -> None:
    events: list[Event] = [trade(symbol=f"S{number:03}") for number in range(100)]
    lines = plain([*events, candle()], size=(100, 24))
    assert len(lines) <= 24
    assert line_with(lines, "00:10:00", "BTCUSDT")
    assert line_with(lines, "92 more pairs: --symbols chooses")


def test_up_and_down_have_colours_where_there_are_any() -> None:
    assert re.search("\x1b\\[32m *\\+1.11%", line_with(drawn(EVENTS), "39432.48000000"))
    assert re.search("\x1b\\[31m *-96.92%", line_with(drawn(EVENTS), "1200.5"))


def test_without_colour_signs_say_it() -> None:
    lines = drawn(EVENTS, no_color=True)
    assert set(re.findall(STYLE, "".join(lines))) <= {"\x1b[0m", "\x1b[1m", "\x1b[2m"}
    assert line_with(lines, "39432.48000000", "+1.11%")
    assert line_with(lines, "1200.5", "-96.92%")


def test_a_terminal_without_unicode_gets_ascii() -> None:
    assert line_with(plain(EVENTS, encoding="ascii"), "39432.48000000", "#")


def test_what_is_wrong_is_said() -> None:
    figures = Figures(RATES, skipped=5_000, unreadable=2, trouble="all brokers are down")
    note = "Kafka: all brokers are down; 2 messages cannot be read; a sample: 5,000 messages left out"
    assert line_with(plain(EVENTS, figures), note)


def test_with_nothing_known_it_says_so() -> None:
    assert line_with(plain([]), "no trade yet", "gaps in 0 of 0 candles")


@pytest.mark.parametrize(
    ("values", "bars"),
    [([], ""), ([1.0], "▁"), ([2.0, 2.0], "▁▁"), ([1.0, 2.0, 3.0], "▁▅█"), ([3.0, 1.0], "█▁")],
)
def test_a_sparkline_goes_from_the_lowest_to_the_highest(values: list[float], bars: str) -> None:
    assert sparkline(values, "▁▂▃▄▅▆▇█") == bars


def test_rates_are_of_the_last_ten_seconds() -> None:
    rates = Rates()
    assert rates() == {}
    rates.add(0, {"a": 0})
    assert rates() == {"a": 0}
    rates.add(5, {"a": 100})
    assert rates() == {"a": 20}
    rates.add(14, {"a": 550})
    assert rates() == {"a": 50}
