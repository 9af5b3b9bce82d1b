"""What exchanges may send, for property tests."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from decimal import Decimal

from hypothesis import strategies as st

from tradestream.analytics.candles import MINUTE_MS, Key
from unit.analytics.oracle import Tick

MINUTE = MINUTE_MS
START = 1_700_000_100_000 // (5 * MINUTE) * 5 * MINUTE


@st.composite
def feeds(draw: st.DrawFn, keys: Sequence[Key]) -> list[Tick]:
    """Series as exchanges number and stamp them, with trades lost, repeated, and on their way for long."""
    topic: list[tuple[int, Tick]] = []
    for key in draw(st.lists(st.sampled_from(keys), min_size=1, unique=True)):
        pauses = draw(st.lists(st.sampled_from([0, 1, 7_000, 20_000, 45_000, 150_000]), min_size=4, max_size=40))
        times = itertools.accumulate(pauses, initial=START + draw(st.integers(0, 5 * MINUTE)))
        for number, time in enumerate(times):
            # No copy: lost; two: repeated. Arrivals are by the time of the trade and what its way took.
            tick = Tick(key, number, Decimal(number + 1), Decimal(1), time)
            ways = draw(st.sampled_from([[0], [0], [0], [0], [40_000], [400_000], [0, 50_000], []]))
            topic += [(time + way, tick) for way in ways]
    return [tick for _, tick in sorted(topic, key=lambda arrival: arrival[0])]
