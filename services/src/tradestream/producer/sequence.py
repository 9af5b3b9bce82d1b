"""Following a symbol's trade ids, which count up by one."""

from __future__ import annotations


class Sequence:
    """The ids of one symbol as they come."""

    __slots__ = ("last",)

    def __init__(self) -> None:
        self.last: int | None = None

    def step(self, trade_id: int) -> int:
        """Takes the next id.

        Returns:
            How far it lies beyond the one expected: 0 is in order, n > 0 means that n ids were skipped,
            and below 0 it was seen already or came late. The first id of all is in order.
        """
        if self.last is None:
            self.last = trade_id
            return 0
        ahead = trade_id - self.last - 1
        if ahead >= 0:
            self.last = trade_id
        return ahead
