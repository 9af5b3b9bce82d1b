"""Exchanges: each an adapter behind the same small interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tradestream.exchange.binance import Binance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tradestream.trade import Trade


class Exchange(Protocol):
    """What the producer asks of an exchange."""

    name: str

    def stream_url(self, base: str, symbols: Sequence[str]) -> str:
        """Returns the address whose WebSocket carries the trades of `symbols`."""

    def symbols_url(self, base: str, symbols: Sequence[str]) -> str:
        """Returns the address that answers 200 when all `symbols` are traded and 400 when one is not."""

    def parse(self, frame: bytes, received_ns: int) -> Sequence[Trade]:
        """Reads one frame of that WebSocket.

        Args:
            frame: the text of the frame.
            received_ns: when it came, in nanoseconds since 1970.

        Returns:
            Its trades in the exchange's order; none for an answer to a request.

        Raises:
            RejectedError: the frame is nothing that the exchange documents for this stream.
            ServerShutdownError: the exchange will soon close this connection.
        """


EXCHANGES: dict[str, Callable[[], Exchange]] = {"binance": Binance}
