"""What /etc/tradestream/simulator.yml may say."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from tradestream import dump
from tradestream.config import DEFAULT_SYMBOLS, Address, LogLevel, Pair, PositiveFloat, Section, unique


class Replay(Section, frozen=True, kw_only=True):
    """A dump to play instead of made-up trades.

    Attributes:
        file: a Binance dump of trades, CSV or zip.
        speed: how many times as fast as it was recorded; `max` is as fast as clients take it.
        symbol: the pair, as the exchange writes it that shall play it; by default the one that the file's name
            begins with, on Binance.
    """

    file: Path
    speed: PositiveFloat | Literal["max"] = 1.0
    symbol: Pair | None = None

    def __post_init__(self) -> None:
        """Refuses a file whose name tells no symbol when none is given."""
        if self.symbol is None and dump.symbol_of(self.file) is None:
            raise ValueError(f"the name {self.file.name} does not begin with SYMBOL-trades-: say which with `symbol`")

    @property
    def pair(self) -> str:
        """The symbol that is played."""
        return self.symbol or dump.symbol_of(self.file) or ""


class Connections(Section, frozen=True, kw_only=True):
    """How long Binance waits for what; the defaults are its own, and tests cannot wait so long.

    Attributes:
        ping_seconds: between two pings.
        pong_seconds: until a ping must have been answered.
        lifetime_seconds: until the exchange closes a connection, whatever goes on.
    """

    ping_seconds: PositiveFloat = 20.0
    pong_seconds: PositiveFloat = 60.0
    lifetime_seconds: PositiveFloat = 24 * 3600.0


class SimulatorConfig(Section, frozen=True, kw_only=True):
    """One simulated exchange.

    Attributes:
        listen: where WebSocket and REST are served.
        state_dir: where the log of all trades is kept, so that ids go on after a restart.
        symbols: the pairs that it trades, each on the exchange that writes it so: BTCUSDT, BTC-USD, BTC/USD.
        rate: trades a second, all symbols together.
        seed: what the made-up prices begin from; the same seed gives the same ones.
        replay: a dump to play instead.
        connections: how long Binance's connections live.
        log_level: the lowest level that is logged.
    """

    listen: Address = Address(port=9443)
    state_dir: Path = Path("/var/lib/tradestream")
    symbols: tuple[Pair, ...] = DEFAULT_SYMBOLS
    rate: PositiveFloat = 500.0
    seed: int = 1
    replay: Replay | None = None
    connections: Connections = Connections()
    log_level: LogLevel = "info"

    def __post_init__(self) -> None:
        """Refuses a list of symbols that is empty or names one twice."""
        unique(self.symbols)

    @property
    def traded(self) -> tuple[str, ...]:
        """All pairs that clients may ask for."""
        if self.replay is None or self.replay.pair in self.symbols:
            return self.symbols
        return (*self.symbols, self.replay.pair)
