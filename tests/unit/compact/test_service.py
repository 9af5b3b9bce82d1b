from __future__ import annotations

import errno
import os
import re
import shutil
from pathlib import Path

import pytest
import yaml

from tradestream.ask.check import look
from tradestream.ask.storage import Storage
from tradestream.cli import main
from tradestream.compact.config import KeepDays
from tradestream.errors import ConfigError
from unit.compact.conftest import Compact, names, seen


def days(root: Path, table: str) -> set[str]:
    return {part[5:] for name in names(root, table) for part in name.split("/") if part.startswith("date=")}


@pytest.mark.parametrize(
    ("kept", "left"),
    [
        (0, {"2021-01-08", "2021-01-09", "2021-01-10"}),
        (3, {"2021-01-08", "2021-01-09", "2021-01-10"}),
        (2, {"2021-01-09", "2021-01-10"}),
        (1, {"2021-01-10"}),
    ],
)
def test_days_before_those_that_are_kept_are_removed(
    root: Path, compact: Compact, kept: int, left: set[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    candles = days(root, "candles")
    assert compact(3 * 24 + 1, keep_days=KeepDays(trades=kept)) == 0
    assert days(root, "trades") == left
    assert days(root, "candles") == candles
    removed = [record.getMessage() for record in caplog.records if record.getMessage().startswith("removed ")]
    assert len(removed) == 2 * (3 - len(left)), "a day of two exchanges"
    assert all("table=trades" in line and "date=2021-01-0" in line and "bytes=" in line for line in removed)


def test_each_table_has_its_own_days(root: Path, compact: Compact) -> None:
    signals = root / "signals/exchange=binance"
    for date in ("2021-01-08", "2021-01-10"):
        shutil.copytree(root / "candles/exchange=binance/interval=1m" / f"date={date}", signals / f"date={date}")
    assert compact(3 * 24 + 1, merge=False, keep_days=KeepDays(trades=1, candles=2, signals=2)) == 0
    assert days(root, "trades") == {"2021-01-10"}
    assert days(root, "candles") == {"2021-01-09", "2021-01-10"}
    assert days(root, "signals") == {"2021-01-10"}


@pytest.mark.parametrize("candles", [2, 0])
def test_what_is_left_is_whole(root: Path, compact: Compact, candles: int) -> None:
    assert compact(3 * 24 + 1, keep_days=KeepDays(trades=2, candles=candles)) == 0
    storage = Storage(root)
    reports = look(storage, root, storage.series(), 0)
    assert [report.whole for report in reports] == [True] * 3


def test_directories_that_are_no_days_stay(root: Path, compact: Compact) -> None:
    odd = root / "trades/exchange=binance/date=__HIVE_DEFAULT_PARTITION__/symbol=X"
    odd.mkdir(parents=True)
    assert compact(keep_days=KeepDays(trades=1)) == 0
    assert odd.exists()


def test_a_dry_run_says_all_and_changes_nothing(root: Path, compact: Compact, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    before = sorted(root.rglob("*"))
    assert compact(3 * 24 + 1, dry_run=True, keep_days=KeepDays(trades=2)) == 0
    assert sorted(root.rglob("*")) == before
    said = [record.getMessage().split()[:2] for record in caplog.records]
    assert said.count(["would_remove", "table=trades"]) == 2
    assert said.count(["would_merge", "table=trades"]) == 4, "not what would be removed"
    assert said.count(["would_merge", "table=candles"]) == 6, "not those that are one file"


def test_it_tells_how_much_is_stored(root: Path, compact: Compact, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    compact()
    sizes = [path.stat().st_size for path in (root / "trades").rglob("*.parquet")]
    said = [record.getMessage() for record in caplog.records]
    assert f"stored table=trades files={len(sizes)} bytes={sum(sizes)}" in said
    assert "stored table=signals files=0 bytes=0" in said
    assert said[-1].startswith("compacted days_removed=0 merged=12 failed=0 seconds=")


def test_without_merge_files_stay_as_they_are(root: Path, compact: Compact) -> None:
    before = names(root)
    assert compact(merge=False) == 0
    assert names(root) == before


def test_a_file_system_that_cannot_exchange_is_refused_after_old_days_are_removed(
    root: Path, compact: Compact, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_one: Path, _other: Path) -> None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr("tradestream.compact.workshop.exchange", refuse)
    with pytest.raises(ConfigError, match=rf"^{root}: .*NFS is one that cannot.*or say merge: false"):
        compact(3 * 24 + 1, keep_days=KeepDays(trades=2))
    assert days(root, "trades") == {"2021-01-09", "2021-01-10"}
    assert not any("merged-" in name for name in names(root))
    assert len(seen(root)) == 3 * 2 * 96


def test_another_users_storage_is_refused(root: Path, compact: Compact, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(ConfigError, match=r"belongs to uid .*: run this as that user, or start the unit trade-compact"):
        compact()
    assert not (root / "_compact").exists()


def test_storage_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "compact.yml"
    config.write_text(yaml.safe_dump({"storage": f"file://{tmp_path}/none"}))
    assert main(["compact", "--config", str(config)]) == 2
    assert f"{tmp_path}/none: No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "missing required field `storage`"),
        ("storage: /srv", "storage: "),
        ("storage: hdfs://name/x", "on hdfs:// nothing can take the place of many files.*only file:/// is compacted"),
        ("storage: s3a://bucket/x", "on s3a:// nothing can take the place"),
        ("storage: file:///srv\nkeep_days: {trades: -1}", "keep_days.trades: "),
        ("storage: file:///srv\nkeep_days: {trade: 1}", "unknown key `trade`; allowed here: candles, signals, trades"),
        ("storage: file:///srv\nkeep_days: {candles: 30}", "keep candles at least as long as trades"),
        ("storage: file:///srv\nkeep_days: {candles: 30, trades: 31}", "keep candles at least as long as trades"),
    ],
)
def test_a_wrong_configuration_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, wrong: str
) -> None:
    config = tmp_path / "compact.yml"
    config.write_text(text)
    assert main(["compact", "--check-config", str(config)]) == 2
    assert re.search(wrong, capsys.readouterr().err)


def test_good_configurations_pass(tmp_path: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "compact.yml"
    for keep in ({}, {"trades": 30, "candles": 30}, {"trades": 30}, {"signals": 1}):
        config.write_text(yaml.safe_dump({"storage": root.as_uri(), "keep_days": keep}))
        assert main(["compact", "--check-config", str(config)]) == 0
    assert capsys.readouterr() == ("", "")
