"""Makes dumps of trades as Binance publishes them, the same bytes each time.

`python tests/data/make_dump.py` writes the one that the repository holds; a test compares it with what this makes.
"""

from __future__ import annotations

import random
from pathlib import Path

from tradestream.simulator.market import Walk

KEPT = Path(__file__).parent / "BTCUSDT-trades-2024-12-31.csv"
KEPT_ROWS = 2_001

_START_MS = 1_735_603_200_000  # 2024-12-31T00:00:00Z
_SEED = 20241231


def write_dump(path: Path, count: int, apart_ms: float = 20) -> Path:
    """Writes `count` consecutive trades of a symbol from id 1, about so far apart; returns the path."""
    walk = Walk("BTCUSDT", _SEED, None)
    pause = random.Random(_SEED)  # noqa: S311 - test data
    time = _START_MS
    with path.open("w", encoding="ascii", newline="") as file:
        for _ in range(count):
            row = walk.next(time)
            file.write(",".join(map(str, row)) + "\n")
            time += round(pause.expovariate(1 / apart_ms))
    return path


if __name__ == "__main__":
    write_dump(KEPT, KEPT_ROWS)
