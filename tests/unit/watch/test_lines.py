from __future__ import annotations

import io

from tradestream.watch.figures import Figures
from tradestream.watch.lines import Lines
from tradestream.watch.messages import Event
from unit.watch.events import NOW_MS, candle, signal, trade

QUIET = Figures({"streaming-events": 12.0})
AT = "2021-01-08T00:10:00.000000Z"


def written(*turns: list[Event], figures: Figures = QUIET, most: int | None = None) -> list[str]:
    """What is written of events that come in turns, 0.4 s one after the other."""
    out = io.StringIO()
    with Lines(out, "1m", most) as lines:
        for number, events in enumerate(turns):
            lines.show(events, figures, NOW_MS + 400 * number)
    return out.getvalue().splitlines()


def test_a_line_says_when_what_and_all_of_it() -> None:
    assert written([trade(trade_time=NOW_MS - 250), candle(minute=1), signal()]) == [
        (
            f"{AT} candle exchange=binance symbol=BTCUSDT interval=1m open_time=2021-01-08T00:09:00.000000Z open=39000"
            " high=39999.5 low=38888.8 close=39400 volume=12.345 trade_count=321 missing_trades=0"
        ),
        (
            f"{AT} signal exchange=binance symbol=BTCUSDT interval=1m rule=price-move time={AT}"
            ' evidence="direction=up percent=1.5"'
        ),
        f"{AT} price exchange=binance symbol=BTCUSDT price=39432.48 trade_id=1 lag=0.250",
    ]


def test_a_price_comes_at_most_once_a_second_and_the_last_one_is_not_lost() -> None:
    lines = written([trade("1"), trade("2")], [trade("3"), trade("9", symbol="ETHUSDT")], [trade("4")], [], [])
    assert [(line[17:23], line.split("price=")[1].split()[0]) for line in lines] == [
        ("00.000", "2"),
        ("00.400", "9"),
        ("01.200", "4"),
    ]


def test_open_candles_and_those_of_other_intervals_make_no_line() -> None:
    assert written([candle(is_closed=False), candle(interval="5m")]) == []


def test_the_pipelines_figures_come_every_ten_seconds() -> None:
    turns: list[list[Event]] = [[trade()], *([] for _ in range(50))]
    assert [line[20:] for line in written(*turns)[1:]] == [
        "000000Z pipeline streaming_events_per_second=12.0 lag=10.000 skipped=0 unreadable=0",
        "000000Z pipeline streaming_events_per_second=12.0 lag=20.000 skipped=0 unreadable=0",
    ]


def test_a_kafka_that_is_away_is_told_once() -> None:
    down = Figures({}, trouble="all brokers are down")
    assert written([], [], figures=down) == [f'{AT} kafka_trouble cause="all brokers are down"']


def test_it_is_done_after_so_many_lines() -> None:
    out = io.StringIO()
    lines = Lines(out, "1m", 2)
    lines.show([signal("first")], QUIET, NOW_MS)
    assert not lines.done
    lines.show([signal("second"), signal("third")], QUIET, NOW_MS)
    assert lines.done
    assert [line.split("rule=")[1].split()[0] for line in out.getvalue().splitlines()] == ["first", "second"]
