from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
import yaml

import tradestream
from tradestream.analytics.candles import Key
from tradestream.compact import service
from tradestream.compact.config import CompactConfig
from unit.ask.stored import DAY, T, store, write_trades

Compact = Callable[..., int]
HOUR = 3_600
SOURCES = Path(tradestream.__file__).parents[1]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three days of two pairs: of the first pair 8 files a day, of the other one; candles in one file for each pair."""
    trades = [T(n, 900 * n, f"{100 + n % 7}.125", f"0.{n + 1:08}", maker=n % 3 == 0) for n in range(3 * 96)]
    root = tmp_path / "stored"
    for exchange, symbol in (("binance", "BTCUSDT"), ("binance", "ETHUSDT"), ("kraken", "BTC/USD")):
        store(root, trades, exchange, symbol)
    for path in sorted((root / "trades").glob("*/*/symbol=BTC*/a.parquet")):
        path.unlink()
    for exchange, symbol in (("binance", "BTCUSDT"), ("kraken", "BTC/USD")):
        for part in range(8):
            rows = [(n, trade) for n, trade in enumerate(trades) if n % 8 == part]
            write_trades(root, Key(exchange, symbol), rows, f"e-{part:012}-00000")
    return root


@pytest.fixture
def compact(root: Path) -> Compact:
    """Runs it, so many hours after the first day has begun."""

    def run(hours: float = 100 * 24, *, dry_run: bool = False, **settings: object) -> int:
        config = CompactConfig(storage=root.as_uri(), **settings)  # type: ignore[arg-type]
        return service.run(config, DAY / 1000 + hours * HOUR, dry_run=dry_run)

    return run


@contextmanager
def compacting(root: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The command as a process of its own."""
    config = root.with_name("compact.yml")
    config.write_text(yaml.safe_dump({"storage": root.as_uri()}))
    command = [sys.executable, "-m", "tradestream", "compact", "--config", str(config)]
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def seen(root: Path, table: str = "trades") -> list[tuple[object, ...]]:
    """All rows, with the columns of the directories, as a reader without special knowledge sees them."""
    query = f"SELECT * FROM read_parquet('{root}/{table}/**/*.parquet', hive_partitioning = true) ORDER BY ALL"  # noqa: S608
    return duckdb.connect().execute(query).fetchall()


def names(root: Path, table: str = "trades") -> list[str]:
    """All that lies in a table's directories."""
    return sorted(str(path.relative_to(root / table)) for path in (root / table).rglob("*") if path.is_file())
