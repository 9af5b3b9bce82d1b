from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest

from tradestream.ask.storage import Series, Storage, choose, choose_interval, choose_series, locate
from tradestream.errors import ConfigError
from unit.ask.stored import T, store


@pytest.fixture
def root(tmp_path: Path) -> Path:
    trades = [T(number, 400 * number) for number in range(5)]
    store(tmp_path, trades)
    store(tmp_path, trades, exchange="kraken", symbol="BTC/USD")
    store(tmp_path, trades, exchange="coinbase", symbol="BTC-USD")
    return tmp_path


def test_series_are_named_as_the_exchange_does(root: Path) -> None:
    assert Storage(root).series() == [
        Series("binance", "BTCUSDT"),
        Series("coinbase", "BTC-USD"),
        Series("kraken", "BTC/USD"),
    ]


@pytest.mark.parametrize("symbol", ["BTCUSDT", "BTC-USDT", "BTC/USDT", "btcusdt"])
def test_a_symbol_may_be_written_in_any_style(root: Path, symbol: str) -> None:
    assert choose(Storage(root).series(), symbol, None) == Series("binance", "BTCUSDT")


def test_a_symbol_of_two_exchanges_needs_one_of_them(root: Path) -> None:
    with pytest.raises(ConfigError, match=r"--exchange coinbase \(BTC-USD\), --exchange kraken \(BTC/USD\)"):
        choose(Storage(root).series(), "BTC-USD", None)
    assert choose(Storage(root).series(), "BTC-USD", "kraken") == Series("kraken", "BTC/USD")


def test_what_is_not_stored_is_refused_with_what_is(root: Path) -> None:
    storage = Storage(root)
    with pytest.raises(ConfigError, match="nothing of symbol DOGE is stored; there are BTC-USD, BTC/USD, BTCUSDT"):
        choose_series(storage.series(), "DOGE", None)
    with pytest.raises(ConfigError, match=r"nothing of symbol DOGE is stored of kraken; there are BTC/USD$"):
        choose_series(storage.series(), "DOGE", "kraken")
    with pytest.raises(ConfigError, match="nothing of okx is stored; there are binance, coinbase, kraken"):
        choose_series(storage.series(), None, "okx")


@pytest.mark.parametrize("interval", ["7m", "1h", "5", "", "x", "../../etc"])
def test_an_interval_that_is_not_stored_is_refused_with_those_that_are(root: Path, interval: str) -> None:
    with pytest.raises(ConfigError, match=r"--interval: .*; there are 1m, 5m$"):
        choose_interval(Storage(root), "binance", interval)


def test_nothing_stored_yet_is_no_wrong_question(tmp_path: Path) -> None:
    assert choose_series(Storage(tmp_path).series(), None, None) == []


def test_only_whole_files_of_the_wanted_partitions_are_listed(root: Path) -> None:
    directory = root / "trades/exchange=kraken/date=2021-01-08/symbol=BTC%2FUSD"
    for name in (".a.parquet.crc", "_SUCCESS", ".b.parquet", "c.txt"):
        (directory / name).write_bytes(b"")
    storage = Storage(root)
    assert storage.files("trades", exchange="kraken", symbol="BTC/USD") == [str(directory / "a.parquet")]
    assert storage.files("trades", "2021-01-09", exchange="kraken") == []
    assert storage.files("signals") == []


def test_a_storage_is_a_local_directory_with_stored_data(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert locate(str(root)).root == root
    assert locate(root.as_uri()).root == root
    empty = tmp_path_factory.mktemp("empty")
    for directory, wrong in (
        (str(empty), "holds neither trades/ nor candles/"),
        (str(empty / "none"), "is no directory"),
        ("hdfs://name/x", "is no local directory.*mount it or copy it.*--storage DIR.*Spark"),
        ("s3a://bucket/x", "is no local directory"),
    ):
        with pytest.raises(ConfigError, match=f"^--storage: .*{wrong}"):
            locate(directory)


def test_a_path_that_duckdb_would_take_for_a_pattern_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a[b]" / "trades").mkdir(parents=True)
    with pytest.raises(ConfigError, match=re.escape("holds one of *?[]{}")):
        locate(str(tmp_path / "a[b]"))


def configured(folder: Path, storage: str) -> Path:
    file = folder / "analytics.yml"
    file.write_text(f"kafka_client_config: /x\nstorage: {storage}\ncheckpoint: {storage}/c\nwatermark_minutes: 7\n")
    return file


def test_without_a_directory_it_is_the_jobs(root: Path) -> None:
    storage = locate(None, configured(root, root.as_uri()))
    assert (storage.root, storage.watermark_ms) == (root, 420_000)


def test_a_job_that_stores_elsewhere_is_told_with_what_to_do(tmp_path: Path) -> None:
    file = configured(tmp_path, "s3a://bucket/x")
    with pytest.raises(ConfigError, match=f"^{file}: storage: s3a://bucket/x is no local directory.*--storage DIR"):
        locate(None, file)


def test_a_host_without_the_job_is_told_where_to_ask(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not on this host: run it where the job runs, or name a directory"):
        locate(None, tmp_path / "analytics.yml")


def test_it_waits_for_files_on_their_way(tmp_path: Path) -> None:
    step = tmp_path / "_staging" / "e-1"
    step.mkdir(parents=True)
    mover = threading.Timer(0.3, step.rmdir)
    mover.start()
    assert Storage(tmp_path).settle() is None
    mover.join()
    step.mkdir()
    assert Storage(tmp_path).settle(0.1) == str(step)
