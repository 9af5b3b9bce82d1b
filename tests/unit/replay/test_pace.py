from __future__ import annotations

import pytest

from tradestream.replay.pace import Pace

START_US = 1_610_064_000_000_000


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Returns the seconds."""
        return self.now


@pytest.mark.parametrize(("speed", "seconds"), [(1.0, 10.0), (4.0, 2.5), (0.5, 20.0)])
def test_a_trade_is_due_after_its_time_divided_by_the_speed(speed: float, seconds: float) -> None:
    clock = Clock()
    pace = Pace(speed, clock)
    assert pace.wait(START_US) == 0
    assert pace.wait(START_US + 10_000_000) == pytest.approx(seconds)
    clock.now += seconds / 2
    assert pace.wait(START_US + 10_000_000) == pytest.approx(seconds / 2)


def test_a_time_before_the_first_is_due() -> None:
    pace = Pace(1.0, Clock())
    pace.wait(START_US)
    assert pace.wait(START_US - 1) < 0


def test_a_short_delay_is_caught_up_with() -> None:
    clock = Clock()
    pace = Pace(1.0, clock)
    pace.wait(START_US)
    clock.now += 0.5
    assert pace.wait(START_US + 100_000) == pytest.approx(-0.4)
    assert pace.wait(START_US + 1_000_000) == pytest.approx(0.5)


def test_after_a_long_stop_the_tape_goes_on_at_its_own_speed() -> None:
    clock = Clock()
    pace = Pace(1.0, clock)
    pace.wait(START_US)
    clock.now += 3600
    assert pace.wait(START_US) < 0
    assert pace.wait(START_US + 3_000_000) == pytest.approx(2.0)
