"""Real data that may be beside the repository, and the small generated dump that is in it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from data.make_dump import KEPT
from data.shared import real


@pytest.fixture(params=["generated", "real"])
def dump_file(request: pytest.FixtureRequest) -> Path:
    """A dump of 2,001 trades of BTCUSDT: once the generated one, once the real one."""
    return KEPT if request.param == "generated" else real("BTCUSDT-trades-2021-01-08.csv")


@pytest.fixture
def real_frames() -> list[bytes]:
    """Frames as Binance sent them on combined streams, none of them of the trade stream."""
    return real("binance-frames-2021-10-12.jsonl").read_bytes().splitlines()


@pytest.fixture
def coinbase_frames() -> list[bytes]:
    """Frames as Coinbase Exchange sent them: ticker, last_match and match."""
    return real("coinbase-exchange-frames-2021-04-17.jsonl").read_bytes().splitlines()


@pytest.fixture(scope="session")
def promtool() -> str:
    """Prometheus' own judge of queries and rules."""
    found = os.environ.get("PROMTOOL") or shutil.which("promtool")
    if not found:
        pytest.fail("PROMTOOL must name Prometheus' promtool; `./lab test unit` sets it", pytrace=False)
    return found
