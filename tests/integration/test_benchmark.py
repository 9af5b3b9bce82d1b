"""The benchmark counts what is in Kafka; how fast anything is, is not for a test to say."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks import run as benchmark
from benchmarks.rows import HERE, ROWS, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.rows import Ends
    from integration.broker import Broker


@pytest.mark.parametrize("name", ["tradestream", "floor", "receive"])
def test_no_trade_is_missing(kafka: Broker, name: str) -> None:
    row = next(row for row in ROWS if row.name == name)
    result = benchmark.run(row, kafka, 3000)
    assert result.missing == 0
    assert result.samples[-1].taken - result.samples[0].taken == 3000


def test_what_a_program_loses_is_counted(tmp_path: Path, kafka: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "_SILENCE_SECONDS", 10.0)
    floor = next(row for row in ROWS if row.name == "floor")
    lossy = tmp_path / "floor.py"
    produce = "            producer.produce("
    code = (
        (HERE / "floor.py")
        .read_text()
        .replace(produce, f"            if number in range(2000, 2030):\n                continue\n{produce}")
    )
    lossy.write_text(code)

    def command(ends: Ends) -> Sequence[str]:
        return [sys.executable, str(lossy), *list(floor.command(ends))[2:]]

    assert benchmark.run(replace(floor, command=command), kafka, 3000).missing == 30


def test_a_program_that_ends_is_not_waited_for(kafka: Broker) -> None:
    broken = Row("broken", "broken", lambda _: [sys.executable, "-c", "raise SystemExit('no such thing')"])
    with pytest.raises(benchmark.BenchmarkError, match="no such thing"):
        benchmark.run(broken, kafka, 10)
