"""What is asked and answered where trades are missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradestream.trade import Trade


@dataclass(frozen=True)
class Limits:
    """How often an exchange may be asked over REST, as a bucket of requests that fills steadily.

    Attributes:
        per_second: requests a second, half of what the exchange allows: another producer may share the address.
        burst: requests that may follow one another at once.
    """

    per_second: float
    burst: int


class Gap(msgspec.Struct, frozen=True):
    """Ids of a symbol that did not come.

    Attributes:
        symbol: the pair as the exchange writes it.
        first_id: the first of them.
        last_id: the last of them.
        since_us: time of the trade before them, in microseconds since 1970, for exchanges that are asked by time.
    """

    symbol: str
    first_id: int
    last_id: int
    since_us: int

    @property
    def count(self) -> int:
        """How many ids they are."""
        return self.last_id - self.first_id + 1


class Page(msgspec.Struct, frozen=True):
    """An exchange's answer to a gap.

    Attributes:
        trades: those of the gap that it knows, by rising id.
        rest: what it has yet to be asked about. An id before `rest`, or of the whole gap where that is None, which is
            not among the trades was never issued. A `rest` that is still the gap says that the exchange does not
            know these ids yet.
    """

    trades: Sequence[Trade]
    rest: Gap | None
