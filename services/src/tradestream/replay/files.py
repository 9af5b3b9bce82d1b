"""Which dumps to replay, of whom, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from tradestream import dump
from tradestream.errors import ConfigError, DumpError
from tradestream.exchange.binance import Binance

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence


@dataclass(frozen=True)
class Dump:
    """One file of trades.

    Attributes:
        path: where it is.
        symbol: whose trades it holds.
        size: bytes, as it lies on the disk.
        first_id: the first trade's.
    """

    path: Path
    symbol: str
    size: int
    first_id: int

    @property
    def key(self) -> str:
        """What tells it from other dumps wherever it lies: spot's and futures' have the same names."""
        return f"{self.path.name}:{self.first_id}"


def find(paths: Sequence[Path], wanted: Sequence[str]) -> dict[str, list[Dump]]:
    """Returns the dumps of each symbol by rising ids.

    Args:
        paths: dumps, and directories of dumps.
        wanted: symbols, as BTCUSDT or BTC-USDT; empty means all.

    Raises:
        ConfigError: a symbol is no pair, or there is no dump of it.
        DumpError: a file cannot be read or says not whose it is, or ids do not rise from one file to the next.
    """
    files: dict[str, set[Path]] = {}
    for path in (file for each in paths for file in _expand(each)):
        files.setdefault(_symbol(path), set()).add(path.resolve())
    symbols = _choose(wanted, files)
    return {symbol: _in_order([_look(path, symbol) for path in files[symbol]]) for symbol in symbols}


def _expand(path: Path) -> Iterable[Path]:
    if not path.is_dir():
        return [path]
    try:
        files = [file for file in path.iterdir() if file.suffix in (".csv", ".zip") and dump.symbol_of(file)]
    except OSError as error:
        raise DumpError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not files:
        raise DumpError(f"{path}: holds no dump named like BTCUSDT-trades-2021-01-08.zip or .csv")
    return files


def _symbol(path: Path) -> str:
    symbol = dump.symbol_of(path)
    if symbol is None:
        raise DumpError(f"{path}: does not say whose trades it holds: name it like BTCUSDT-trades-2021-01-08.csv")
    return symbol


def _choose(wanted: Sequence[str], there: Collection[str]) -> list[str]:
    if not wanted:
        return sorted(there)
    try:
        symbols = {Binance().normalize(symbol.upper()) for symbol in wanted}
    except ValueError as error:
        raise ConfigError(f"--symbols: {error}") from error
    unknown = sorted(symbols.difference(there))
    if unknown:
        raise ConfigError(f"--symbols: no dump of {', '.join(unknown)}; there are those of {', '.join(sorted(there))}")
    return sorted(symbols)


def _look(path: Path, symbol: str) -> Dump:
    first_id = dump.first(path).trade_id
    return Dump(path, symbol, path.stat().st_size, first_id)


def _in_order(dumps: list[Dump]) -> list[Dump]:
    dumps.sort(key=lambda one: one.first_id)
    for before, after in pairwise(dumps):
        last_id = dump.last_id(before.path)
        check_order(before, before.first_id if last_id is None else last_id, after)
    for one in dumps[-1:]:
        dump.last_id(one.path)  # a torn last line is better seen now
    return dumps


def check_order(before: Dump, last_id: int, after: Dump) -> None:
    """Lets two dumps of a symbol pass of which the second begins above the end of the first.

    Raises:
        DumpError: it does not.
    """
    if after.first_id <= last_id:
        raise DumpError(
            f"{after.path}: begins at trade {after.first_id}, and {before.path} before it goes on to {last_id}: "
            "name only one of the two"
        )
