from __future__ import annotations

import pytest

from tradestream.ask.when import day, minute, moment
from tradestream.errors import ConfigError

NOW = 1_610_064_000_000


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2h", NOW - 7_200_000),
        ("90s", NOW - 90_000),
        ("1w", NOW - 604_800_000),
        ("2021-01-08", NOW),
        ("2021-01-08T00:30", NOW + 1_800_000),
        ("2021-01-08T00:00:00.5Z", NOW + 500),
        ("2021-01-08T02:00+02:00", NOW),
    ],
)
def test_a_moment_is_a_length_before_now_or_a_time_in_utc(text: str, wanted: int) -> None:
    assert moment("--since", text, NOW) == wanted


def test_no_moment_stays_none() -> None:
    assert moment("--since", None, NOW) is None


@pytest.mark.parametrize("text", ["yesterday", "", "2", "h", "-2h", "2021-13-01", "1.5h", "999999999w"])
def test_what_is_no_moment_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^--since: .*write a length of time before now, as 90m"):
        moment("--since", text, NOW)


def test_of_what_is_no_moment_the_beginning_is_said() -> None:
    with pytest.raises(ConfigError) as refused:
        moment("time", "x" * 60_000, NOW)
    assert len(str(refused.value)) < 200


def test_times_are_shown_in_utc() -> None:
    assert (day(NOW - 1), day(NOW)) == ("2021-01-07", "2021-01-08")
    assert minute(NOW + 61_000) == "2021-01-08 00:01"
