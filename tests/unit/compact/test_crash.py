"""Whatever ends it at whatever moment: readers see each row once, and the next run does the rest."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import pytest
import yaml

import tradestream
from tradestream.analytics.candles import Key
from tradestream.compact.config import CompactConfig, KeepDays
from tradestream.compact.service import run
from unit.ask.stored import DAY, T, write_trades
from unit.compact.conftest import Compact, seen

PACKAGE = Path(tradestream.__file__).parent
MERGED = "trades/exchange=binance/date=2021-01-09/symbol=BTCUSDT"
OWN = (str(PACKAGE / "compact"), str(PACKAGE / "disk.py"))


class CrashError(BaseException):
    """The end of a run; nothing handles it."""


@contextmanager
def crash_before(step: int, taken: list[str]) -> Iterator[None]:
    """Ends what runs before its n-th line of code that was not run before."""

    def trace(frame: FrameType, event: str, _argument: object) -> object:
        if not frame.f_code.co_filename.startswith(OWN):
            return None
        where = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
        if event == "line" and where not in taken:
            if len(taken) == step:
                raise CrashError(where)
            taken.append(where)
        return trace

    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        yield
    finally:
        sys.settrace(None)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two files of a day that is to be removed, two of one that is to be merged, and something that is to be linked."""
    monkeypatch.setattr("tradestream.compact.workshop._KEPT_SECONDS", 0.0)
    root = tmp_path / "stored"
    for part in range(2):
        rows = [(n, T(n, n * 4 * 3600)) for n in range(part, 12, 2)]
        write_trades(root, Key("binance", "BTCUSDT"), rows, f"e-{part}")
    (root / MERGED / "notes.txt").touch()
    return root


@pytest.mark.timeout(600)
def test_at_each_step(small: Path) -> None:
    config = CompactConfig(storage=small.as_uri(), keep_days=KeepDays(trades=1))

    def compacted() -> bool:
        return run(config, DAY / 1000 + 2.5 * 24 * 3600) == 0

    all_rows = seen(small)
    kept = [row for row in all_rows if str(row[10]) == "2021-01-09"]
    assert (len(all_rows), len(kept)) == (12, 6)
    original = small.with_name("original")
    shutil.copytree(small, original)
    ended: list[str] = []
    while True:
        taken: list[str] = []
        try:
            with crash_before(len(ended), taken):
                assert compacted()
            break
        except CrashError as crash:
            ended.append(str(crash))
        assert seen(small) in (all_rows, kept), ended[-1]
        assert compacted(), ended[-1]
        assert seen(small) == kept, ended[-1]
        assert len(list((small / MERGED).iterdir())) == 2, ended[-1]
        shutil.rmtree(small)
        shutil.copytree(original, small)
    assert len(ended) > 100
    assert {place.partition(":")[0] for place in ended} == {
        "disk.py", "config.py", "merge.py", "partitions.py", "service.py", "workshop.py",
    }  # fmt: skip


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(2))
def test_killed_again_and_again(root: Path, tmp_path: Path, seed: int) -> None:
    for day in range(60):
        write_trades(root, Key("coinbase", "A-USD"), [(n, T(n, n, received=0)) for n in range(day)], f"e-{day:03}")
    before = {table: seen(root, table) for table in ("trades", "candles")}
    config = tmp_path / "compact.yml"
    config.write_text(yaml.safe_dump({"storage": root.as_uri()}))
    command = [sys.executable, "-m", "tradestream", "compact", "--config", str(config)]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    numbers = random.Random(seed)  # noqa: S311 - moments
    kills = 0
    while True:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
        assert process.stdout is not None
        for _ in range(numbers.randrange(1, 4)):
            process.stdout.readline()
        with suppress(subprocess.TimeoutExpired):
            # Longer each time, or on a busy machine none would ever come to its end.
            process.wait(numbers.random() * (1 + kills) / 20)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert {table: seen(root, table) for table in before} == before
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
        kills += 1
    assert kills > 1
    assert {len(list(path.iterdir())) for path in (root / "trades").glob("*/*/*")} == {1}


def test_what_was_replaced_is_kept_for_a_while(root: Path, compact: Compact, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that has begun to list a directory reads on in it, and must not find it emptied."""
    directory = root / "trades/exchange=binance/date=2021-01-08/symbol=BTCUSDT"
    with os.scandir(directory) as listing:
        compact()
        compact()
        assert len(list(listing)) == 8
    kept = {path.name.rpartition(".")[0] for path in (root / "_compact").iterdir() if path.is_dir()}
    assert "trades.binance.2021-01-08.BTCUSDT" in kept
    now = time.time()
    monkeypatch.setattr("tradestream.compact.workshop.time.time", lambda: now + 61)
    compact()
    assert [path.name for path in (root / "_compact").iterdir()] == ["lock"]
