"""When the exchange made a trade, read from what each program wrote."""

from __future__ import annotations

import pytest

from benchmarks.latency import made_us


@pytest.mark.parametrize(
    "message",
    [
        b'{"trade_time":1610064000278,"timestamp":"2021-01-08T00:00:00.301877Z","trade_time_us":1610064000278000}',
        b'{"trade_time":1610064000278}',
        b'{"trade_time":1610064000278000}',
        b'{"timestamp":1610064000.278,"receipt_timestamp":1610064000.3}',
    ],
    ids=["tradestream", "milliseconds", "microseconds", "cryptofeed"],
)
def test_the_time_is_that_of_the_exchange(message: bytes) -> None:
    assert made_us(message) == 1610064000278000
