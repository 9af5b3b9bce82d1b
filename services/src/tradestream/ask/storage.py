"""Where the stored data is, and what there is of whom, as far as the names of directories tell.

Files appear under their final name by a rename, so whatever is listed is whole.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from tradestream.analytics import config
from tradestream.analytics.intervals import interval_ms, interval_name
from tradestream.analytics.layout import PARTITIONS
from tradestream.errors import ConfigError, StoredDataError

CONFIG = Path("/etc/tradestream/analytics.yml")
_MADE_BY_THE_JOB = (*PARTITIONS, "_landing", "_staging", "checkpoint")
_GLOB = "*?[]{}"
_ELSEWHERE = "name a directory with --storage DIR"
_MOVE_SECONDS = 30.0


class Series(NamedTuple):
    """Whose trades."""

    exchange: str
    symbol: str


class Storage:
    """A directory of stored data.

    Args:
        root: It.
        watermark_ms: How late a trade may be, as the job is configured.
    """

    def __init__(self, root: Path, watermark_ms: int = 300_000) -> None:
        self.root = root
        self.watermark_ms = watermark_ms

    def partitions(self, *names: str) -> list[str]:
        """Returns the values of the next partition below ``names``, as ``("trades", "exchange=binance")``, sorted.

        Raises:
            StoredDataError: the directory may not be read.
        """
        try:
            with os.scandir(self.root.joinpath(*names)) as entries:
                found = [entry.name for entry in entries if "=" in entry.name and entry.is_dir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoredDataError(f"{error.filename}: {error.strerror}; {_GROUP}") from error
        # Spark writes what a file name may not hold as %2F.
        return sorted(unquote(name.partition("=")[2]) for name in found)

    def series(self) -> list[Series]:
        """Returns whose trades are stored."""
        return sorted(
            {
                Series(exchange, symbol)
                for exchange in self.partitions("trades")
                for date in self.partitions("trades", f"exchange={exchange}")
                for symbol in self.partitions("trades", f"exchange={exchange}", f"date={date}")
            }
        )

    def intervals(self, exchange: str) -> list[str]:
        """Returns the lengths of the candles stored of an exchange, the shortest first."""
        return sorted(self.partitions("candles", f"exchange={exchange}"), key=interval_ms)

    def dates(self, exchange: str, interval: str) -> list[str]:
        """Returns the days of which candles are stored."""
        return self.partitions("candles", f"exchange={exchange}", f"interval={interval}")

    def trade_dates(self, series: Series) -> list[str]:
        """Returns the days of which trades of a series are stored."""
        exchange = f"exchange={series.exchange}"
        dates = self.partitions("trades", exchange)
        return [date for date in dates if series.symbol in self.partitions("trades", exchange, f"date={date}")]

    def files(self, table: str, since: str = "", **fixed: str) -> list[str]:
        """Returns the files of a table, sorted.

        Args:
            table: trades, candles or signals.
            since: the first date to look at.
            **fixed: values of partitions to stay with.
        """
        return sorted(self._walk(self.root / table, PARTITIONS[table], since, fixed))

    def _walk(self, at: Path, columns: tuple[str, ...], since: str, fixed: dict[str, str]) -> Iterator[str]:
        try:
            with os.scandir(at) as entries:
                for entry in entries:
                    if not columns:
                        if entry.name.endswith(".parquet") and not entry.name.startswith((".", "_")):
                            yield entry.path
                    elif _wanted(entry.name, columns[0], since, fixed):
                        yield from self._walk(Path(entry.path), columns[1:], since, fixed)
        except (FileNotFoundError, NotADirectoryError):
            return  # nothing is stored yet, or what was there has just been merged into another file
        except OSError as error:
            raise StoredDataError(f"{error.filename}: {error.strerror}; {_GROUP}") from error

    def settle(self, seconds: float = _MOVE_SECONDS) -> str | None:
        """Waits while the job brings finished files to where they are read: until then some of a step are there only.

        Returns:
            What is still on its way when the time is over, as an interrupted job leaves it; None where nothing is.
        """
        until = time.monotonic() + seconds
        staging = self.root / "_staging"
        while names := _names(staging):
            if time.monotonic() >= until:
                return str(staging / names[0])
            time.sleep(0.2)
        return None

    def moves(self) -> object:
        """Returns something that is another after each move of files."""
        try:
            return (self.root / "_staging").stat().st_mtime_ns
        except OSError:
            return None


_GROUP = "run it as root or in the group that the job runs as (spark)"


def locate(directory: str | None, config_file: Path = CONFIG) -> Storage:
    """Returns the storage that was named, or the one that the job on this host is configured with.

    Raises:
        ConfigError: there is none, or it is not in a local directory.
    """
    if directory is None:
        if not os.access(config_file, os.R_OK):
            why = (
                f"cannot be read: {_GROUP}"
                if config_file.exists()
                else "is not on this host: run it where the job runs"
            )
            raise ConfigError(f"{config_file}: {why}, or {_ELSEWHERE}")
        settings = config.load(config_file)
        return Storage(_local(settings.storage, f"{config_file}: storage"), settings.lateness_ms)
    root = _local(directory, "--storage")
    if not any((root / name).is_dir() for name in _MADE_BY_THE_JOB):
        raise ConfigError(f"--storage: {root} holds neither trades/ nor candles/: name the directory in which they are")
    return Storage(root)


def _local(where: str, origin: str) -> Path:
    scheme, separator, rest = where.partition("://")
    if separator and scheme != "file":
        raise ConfigError(
            f"{origin}: {where} is no local directory, and this command reads nothing else: mount it or copy it, and "
            f"{_ELSEWHERE}; or ask Spark, which reads {scheme}://"
        )
    root = Path(os.path.abspath(rest if separator else where))  # noqa: PTH100 - resolve() would follow links
    if any(letter in _GLOB for letter in str(root)):
        raise ConfigError(f"{origin}: {root}: its path holds one of {_GLOB}, which DuckDB takes for a pattern")
    if not root.is_dir():
        raise ConfigError(f"{origin}: {root} is no directory")
    return root


def choose_series(stored: Sequence[Series], symbol: str | None, exchange: str | None) -> list[Series]:
    """Returns those of the stored series that a symbol, in whichever style it is written, and an exchange name.

    None means any.

    Raises:
        ConfigError: there is none, while others are stored: says which.
    """
    exchanges = sorted({series.exchange for series in stored})
    if stored and exchange not in (None, *exchanges):
        raise ConfigError(f"--exchange: nothing of {exchange} is stored; there are {', '.join(exchanges)}")
    here = [series for series in stored if exchange in (None, series.exchange)]
    found = [series for series in here if symbol is None or bare(series.symbol) == bare(symbol)]
    if here and not found:
        of, there = f" of {exchange}" if exchange else "", ", ".join(sorted({series.symbol for series in here}))
        raise ConfigError(f"nothing of symbol {symbol} is stored{of}; there are {there}")
    return found


def choose(stored: Sequence[Series], symbol: str, exchange: str | None) -> Series:
    """Returns the one series of the stored ones, of which there are some, that a symbol and perhaps an exchange name.

    Raises:
        ConfigError: there is none, or there are several: says which there are.
    """
    found = choose_series(stored, symbol, exchange)
    if len(found) > 1:
        them = ", ".join(f"--exchange {one.exchange} ({one.symbol})" for one in found)
        raise ConfigError(f"symbol {symbol} is stored of more than one exchange: choose one of {them}")
    return found[0]


def bare(symbol: str) -> str:
    """Returns a symbol as no exchange writes it, but the same for BTC-USDT, BTC/USDT and BTCUSDT."""
    return "".join(letter for letter in symbol.upper() if letter.isalnum())


def choose_interval(storage: Storage, exchange: str, interval: str) -> str:
    """Returns an interval as partitions name it: 60m is 1h.

    Raises:
        ConfigError: no candles of that length are stored: says which are.
    """
    stored = storage.intervals(exchange)
    try:
        name = interval_name(interval_ms(interval))
    except ValueError:
        name = interval
    if name not in stored:
        there = f"there are {', '.join(stored)}" if stored else "there are none at all yet"
        raise ConfigError(f"--interval: no candles of {interval} are stored of {exchange}; {there}")
    return name


def _wanted(name: str, column: str, since: str, fixed: dict[str, str]) -> bool:
    key, _, value = name.partition("=")
    value = unquote(value)
    return key == column and value == fixed.get(column, value) and (column != "date" or value >= since)


def _names(directory: Path) -> list[str]:
    try:
        return sorted(path.name for path in directory.iterdir() if path.is_dir())
    except OSError:
        return []
