"""Whoever reads the messages of a batch, the same lands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
from pyspark.sql import DataFrame, SparkSession

from integration.analytics.job import trade
from integration.analytics.test_schema import AHEAD, ARRIVED, kafka
from tradestream.analytics import landing
from tradestream.analytics.landing import Landed, Landing, LocalLanding
from tradestream.analytics.layout import LANDED
from tradestream.analytics.produced import LONGEST
from tradestream.analytics.storage import Storage, StorageError, UnseenError
from tradestream.trade import encode
from unit.analytics.messages import produced

pytestmark = pytest.mark.timeout(300)

TRADES = [encode(trade(number, 1_610_064_000_000 + number)) for number in range(50)]
ODD = {
    "no trade": b"{}",
    "no value": None,
    "a trade written in another way": produced().replace(",", ", ").encode(),
    "a message that is too long": b'"' + b"x" * LONGEST + b'"',
}


def rows(landed: Landed) -> list[tuple[Any, ...]]:
    return sorted(tuple(row) for row in landed.rows().where("valid").select(*LANDED).collect())


def spark_reads_nothing(*_: object) -> None:
    pytest.fail("Spark was to read the messages")


def test_what_the_producer_wrote_lands_without_spark_reading_it(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = kafka(spark, TRADES)
    storage = Storage(spark, f"file://{tmp_path}/exchange=x/it's")
    by_spark = Landing(storage, AHEAD).land(messages, "a")
    monkeypatch.setattr(landing, "read_trades", spark_reads_nothing)
    here = landing.landing(storage, AHEAD).land(messages, "b")
    assert here[1:] == by_spark[1:] == (50, 0, ARRIVED)
    assert rows(here) == rows(by_spark)
    assert len(rows(here)) == 50
    assert storage.root.names("_landing") == ["a", "b"]


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_a_batch_with_anything_odd_is_read_by_spark(spark: SparkSession, tmp_path: Path, odd: bytes | None) -> None:
    messages = kafka(spark, [*TRADES, odd])
    storage = Storage(spark, tmp_path.as_uri())
    by_spark, here = (kind.land(messages, name) for name, kind in _both(storage).items())
    assert here[1:] == by_spark[1:]
    ours, sparks = here.rows(), by_spark.rows()
    assert ours.exceptAll(sparks).count() == sparks.exceptAll(ours).count() == 0
    assert here.messages == 51
    assert here.rejected == (0 if odd and b"binance" in odd else 1)
    assert storage.root.names("_landing") == ["a", "b"]


@pytest.mark.parametrize("values", [[], TRADES[:1]], ids=["nothing", "a trade"])
def test_an_earlier_attempt_is_replaced(spark: SparkSession, tmp_path: Path, values: list[bytes | None]) -> None:
    storage = Storage(spark, tmp_path.as_uri())
    local = LocalLanding(storage, tmp_path, AHEAD)
    for earlier in ([*TRADES, b"{}"], TRADES):
        local.land(kafka(spark, earlier), "b")
        landed = local.land(kafka(spark, values), "b")
        assert len(rows(landed)) == landed.messages == len(values)


def test_what_duckdb_cannot_do_spark_does(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(landing, "produced", lambda *_: "SELECT error('no memory is left')")
    landed = landing.landing(Storage(spark, tmp_path.as_uri()), AHEAD).land(kafka(spark, TRADES), "a")
    assert landed[1:] == (50, 0, ARRIVED)
    assert len(rows(landed)) == 50
    assert "left_to_spark batch=a" in caplog.text
    assert "no memory is left" in caplog.text


def test_after_an_error_the_next_batch_has_another_database(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = LocalLanding(Storage(spark, tmp_path.as_uri()), tmp_path, AHEAD)
    before = local._database  # noqa: SLF001
    with monkeypatch.context() as broken:
        broken.setattr(landing, "produced", lambda *_: "SELECT error('invalidated')")
        local.land(kafka(spark, TRADES), "a")
    with pytest.raises(duckdb.ConnectionException):
        before.execute("SELECT 1")
    monkeypatch.setattr(landing, "read_trades", spark_reads_nothing)
    assert len(rows(local.land(kafka(spark, TRADES), "b"))) == 50


def test_a_database_remembers_nothing_of_what_it_read(spark: SparkSession, tmp_path: Path) -> None:
    local = LocalLanding(Storage(spark, tmp_path.as_uri()), tmp_path, AHEAD)
    for name in ("a", "b"):
        landed = local.land(kafka(spark, TRADES), name)
        assert local.batch(name, landed).summarise(None).trades.total() == 50
    ((kept,),) = local._database.execute("SELECT sum(memory_usage_bytes) FROM duckdb_memory()").fetchall()  # noqa: SLF001
    assert kept == 0


def test_a_large_batch_lands_in_shares_and_is_stored_as_any_other(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trades = [
        encode(trade(number, 1_610_064_000_000 + number, exchange=exchange, symbol=f"S{number % 37}"))
        for number in range(600)
        for exchange in ("binance", "kraken")
    ]
    first, second = kafka(spark, trades[::2]), kafka(spark, trades[1::2])
    stored = []
    for large in (100, 10_000):
        folder = tmp_path / str(large)
        storage = Storage(spark, folder.as_uri())
        local = LocalLanding(storage, folder, AHEAD)
        for name, messages, least in (("a", first, large), ("b", second, 10_000)):
            monkeypatch.setattr(landing, "_DIVIDED", least)
            assert len(rows(local.land(messages, name))) == 600
        shares = {file.parent.name for file in (folder / "_landing").rglob("*.parquet")}
        assert shares == ({"b", *(f"share={number}" for number in range(8))} if large == 100 else {"a", "b"})
        storage.stage("move", ["a", "b"], 1200, [], [])
        storage.move("move")
        pattern = f"{folder}/trades/**/*.parquet"
        stored.append(duckdb.read_parquet(pattern, hive_partitioning=True).order("ALL").fetchall())
        assert len(list((folder / "trades").rglob("*.parquet"))) == 74, "one file of each series"
    assert len(stored[0]) == 1200
    assert stored[0] == stored[1]


def test_a_share_with_trades_of_another_is_refused(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landing, "_DIVIDED", 1)
    storage = Storage(spark, tmp_path.as_uri())
    landing.landing(storage, AHEAD).land(kafka(spark, TRADES), "a")
    (share,) = (tmp_path / "_landing" / "a").glob("share=*")
    share.rename(share.with_name(f"share={(int(share.name[-1]) + 1) % 8}"))
    with pytest.raises(StorageError, match="holds 0 trades instead of 50"):
        storage.stage("move", ["a"], 50, [], [])


class Lagging(Storage):
    """A storage of which this host sees so many files fewer than executors wrote."""

    unseen = 0

    def hand_on(self, rows: DataFrame, name: str) -> None:
        """Write all, and see some."""
        super().hand_on(rows.repartition(2), name)
        directory = Path(self.landing(name).removeprefix("file://"))
        for file in sorted(directory.glob("*.parquet"))[: self.unseen]:
            file.unlink()


@pytest.mark.parametrize("last", [TRADES[-1], b"{}"], ids=["trades", "and something else"])
@pytest.mark.parametrize("unseen", [1, 2])
def test_no_batch_lands_of_which_not_all_is_seen(spark: SparkSession, tmp_path: Path, unseen: int, last: bytes) -> None:
    storage = Lagging(spark, tmp_path.as_uri())
    messages = kafka(spark, [*TRADES[:-1], last])
    local = landing.landing(storage, AHEAD)
    assert local.land(messages, "a").messages == 50
    storage.unseen = unseen
    with pytest.raises(UnseenError, match=r"of 50 rows are seen.*check that this host sees the storage"):
        local.land(messages, "b")


def _both(storage: Storage) -> dict[str, Landing]:
    return {"a": Landing(storage, AHEAD), "b": landing.landing(storage, AHEAD)}
