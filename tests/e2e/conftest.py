"""One deployment of the whole pipeline, made by the lab's own commands, which the tests of this folder share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from data.make_dump import write_dump
from e2e import pipeline

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def dump() -> Path:
    """Real trades where they are at hand, else the generated dump that the repository holds."""
    real = ROOT.parent / "shared" / "data" / "BTCUSDT-trades-2021-01-08.csv"
    if real.exists():
        return real
    print(f"{real} is absent: the replay plays the small generated dump instead", file=sys.stderr)
    return next((ROOT / "tests" / "data").glob("*-trades-*.csv"))


@pytest.fixture(scope="session")
def replayed(dump: Path) -> Iterator[pipeline.Pipeline]:
    """The pipeline on fresh hosts, with a dump played through it; removed at the end."""
    deployed = pipeline.Pipeline("e2e")
    deployed.lab("down")
    try:
        deployed.lab("up", "--replay", str(dump), "--speed", "max")
        yield deployed
    finally:
        deployed.lab("down")


@pytest.fixture(scope="session")
def live(replayed: pipeline.Pipeline) -> pipeline.Pipeline:
    """The same pipeline after the simulator was told to generate trades of ten pairs, 500 a second."""
    replayed.lab("up", "--feed", "simulator", "--rate", "500")
    return replayed


@pytest.fixture(scope="session")
def pair_of_many_candles(live: pipeline.Pipeline, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A pair that no producer follows, with what indicators need: half an hour of trades, straight into Kafka."""
    name = "LTCUSDT-trades-2024-12-31.csv"
    dump = write_dump(tmp_path_factory.mktemp("dump") / name, 200, apart_ms=10_000)
    live.exec("app1", f"cat > {name} <<'END'\n{dump.read_text()}END\ntradestream replay {name}")
    return "LTCUSDT"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the journals of what a failed test may have broken."""
    report = yield
    if report.failed:
        report.sections.append(("journals", journals()))
    return report


def journals() -> str:
    """The end of each service's journal, and only what a service said."""
    parts = []
    for host, units in pipeline.Pipeline("e2e").units().items():
        for unit in units:
            command = ["journalctl", "--no-pager", "--lines=40", "--output=short-iso", f"--unit={unit}"]
            done = subprocess.run(
                [str(ROOT / "lab"), "--instance", "e2e", "exec", host, *command],
                capture_output=True,
                text=True,
                check=False,
            )
            parts.append(f"--- {host} {unit}\n{done.stdout or done.stderr}")
    return "\n".join(parts)
