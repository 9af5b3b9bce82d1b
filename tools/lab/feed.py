"""Where the trades come from: the real exchange where it answers, else the simulator."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

from lab.errors import UsageError
from tradestream import dump
from tradestream.errors import TradestreamError

_EXCHANGE = ("stream.binance.com", 9443)
_PATIENCE_SECONDS = 5.0


def choose(wanted: str) -> tuple[str, str]:
    """Decide between `binance` and `simulator`; return the choice and the reason, in words for the user."""
    if wanted != "auto":
        return wanted, "as asked for by --feed"
    obstacle = _obstacle_to_exchange()
    if obstacle is None:
        return "binance", f"{_EXCHANGE[0]} answers"
    return "simulator", f"{_EXCHANGE[0]} cannot be reached from here ({obstacle})"


def _obstacle_to_exchange() -> str | None:
    try:
        with (
            socket.create_connection(_EXCHANGE, timeout=_PATIENCE_SECONDS) as connection,
            ssl.create_default_context().wrap_socket(connection, server_hostname=_EXCHANGE[0]),
        ):
            return None
    except OSError as error:
        return str(error)


def check_replay(path: Path) -> None:
    """Read a dump through, so that a broken one is refused before anything is changed.

    Raises:
        UsageError: the file is missing or broken; the message holds file, line and reason.
    """
    try:
        dump.check(path)
    except (TradestreamError, OSError) as error:
        raise UsageError(f"--replay: {error}") from error


def symbol_of(path: Path) -> str:
    """The symbol that a dump's name begins with.

    Raises:
        UsageError: the file has another name than Binance gives such files.
    """
    symbol = dump.symbol_of(path)
    if symbol is None:
        raise UsageError(
            f"--replay: {path.name} does not say whose trades it holds: name it like BTCUSDT-trades-2021-01-08.csv"
        )
    return symbol
