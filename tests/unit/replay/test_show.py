from __future__ import annotations

import io

from rich.console import Console

from tradestream.replay.show import Bar, Lines, Show

TIME_US = 1_610_064_000_000_000


def test_without_a_terminal_a_line_comes_now_and_then() -> None:
    out = io.StringIO()
    now = 0.0
    show = Show(Lines(out), lambda: now)
    show.begin("replaying", 1000)
    for second in range(65):
        now = float(second)
        if show.due:
            show.update(second * 10, second * 1000, TIME_US)
    assert out.getvalue().splitlines() == [
        "replaying 30%: 30,000 trades, 1,000/s, at 2021-01-08T00:00",
        "replaying 60%: 60,000 trades, 1,000/s, at 2021-01-08T00:00",
    ]


def test_a_terminal_gets_a_bar_and_notes_above_it() -> None:
    out = io.StringIO()
    now = 0.0
    with Show(Bar(Console(file=out, force_terminal=True, width=120)), lambda: now) as show:
        show.begin("checking", 10)
        show.begin("replaying", 1000)
        now = 1.0
        show.update(500, 1234, TIME_US)
        show.note("[no markup]")
    text = out.getvalue()
    assert all(part in text for part in ("replaying", "50%", "1,234 trades", "[no markup]"))
