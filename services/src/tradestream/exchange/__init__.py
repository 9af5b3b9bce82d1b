"""Exchanges: each an adapter that only translates, behind the same small interface. The producer does the talking.

A fourth exchange is a module with a class that has what `Exchange` asks for, and a line in `EXCHANGES`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tradestream.exchange.binance import Binance
from tradestream.exchange.coinbase import Coinbase
from tradestream.exchange.kraken import Kraken
from tradestream.exchange.repair import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tradestream.exchange.repair import Gap, Page
    from tradestream.quote import Quote
    from tradestream.trade import Trade

__all__ = ["EXCHANGES", "Exchange", "Limits"]


class Exchange(Protocol):
    """What the producer asks of an exchange.

    Attributes:
        name: the exchange's name in lower case, part of a trade's identity.
        url: where its public feed is.
        limits: how often it may be asked over REST.
        lifetime_seconds: how long it lets a connection live; None where it sets no such limit.
    """

    name: str
    url: str
    limits: Limits
    lifetime_seconds: float | None

    def normalize(self, symbol: str) -> str:
        """Returns a pair as the exchange writes it, from that or from the BASE-QUOTE style (BTC-USDT).

        Raises:
            ValueError: the pair cannot be one of this exchange; says how they look.
        """

    def stream_url(self, base: str, symbols: Sequence[str], *, quotes: bool) -> str:
        """Returns the address whose WebSocket carries the trades of `symbols`, and their best bid and ask if wanted.

        An exchange whose adapter reads no quotes gives trades alone.

        Raises:
            ValueError: these are more than one connection carries; says how many it does.
        """

    def subscription(self, symbols: Sequence[str]) -> str | None:
        """Returns the message to send once connected; None where the address says all."""

    def symbols_url(self, base: str, symbols: Sequence[str]) -> str:
        """Returns the address to ask whether `symbols` are traded."""

    def unknown_symbols(self, status: int, body: bytes, symbols: Sequence[str]) -> Sequence[str]:
        """Reads its answer; returns those that the exchange does not trade.

        Where the answer only says that some of them are unknown, returns all: ask about each alone then.

        Raises:
            RejectedError: the answer is nothing that the exchange documents.
            TransientError: the exchange will answer later.
        """

    def parse(self, frame: bytes, received_ns: int) -> Sequence[Trade | Quote]:
        """Reads one frame of the WebSocket.

        Args:
            frame: the text of the frame.
            received_ns: when it came, in nanoseconds since 1970.

        Returns:
            What it holds, in the exchange's order; nothing for a heartbeat or an answer to a request.

        Raises:
            RejectedError: the frame is nothing that the exchange documents for this stream.
            ServerShutdownError: the exchange will soon close this connection.
            ExchangeRefusedError: the exchange will not serve what was subscribed to.
        """

    def repair_url(self, base: str, gap: Gap) -> str:
        """Returns the REST address that answers for the beginning of a gap."""

    def parse_repair(self, body: bytes, gap: Gap, received_ns: int) -> Page:
        """Reads its answer.

        Raises:
            RejectedError: the answer is nothing that the exchange documents, or does not cover the gap's beginning.
            TransientError: the exchange will answer later.
        """


EXCHANGES: dict[str, Callable[[], Exchange]] = {"binance": Binance, "coinbase": Coinbase, "kraken": Kraken}
