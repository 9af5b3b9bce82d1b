from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tradestream.cli import main
from unit.ask.stored import T, store

Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Storage of two exchanges: half an hour of trades, one each 20 seconds."""
    trades = [T(100 + n, 20 * n, f"{100 + n % 7}.125", f"0.{n + 1:08}", maker=n % 3 == 0) for n in range(90)]
    store(tmp_path, trades)
    store(tmp_path, trades, exchange="kraken", symbol="BTC/USD")
    return tmp_path


@pytest.fixture
def ask(root: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Runs the command on that storage: exit status, standard output, standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main([*arguments, "--storage", str(root)])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def answer(ask: Ask) -> Callable[..., Any]:
    """Runs the command with JSON and expects an answer."""

    def run(*arguments: str) -> Any:  # noqa: ANN401
        status, out, error = ask(*arguments, "--format", "json")
        assert (status, error) == (0, "")
        return json.loads(out)

    return run
