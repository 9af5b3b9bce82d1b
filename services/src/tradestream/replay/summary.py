"""What a replay has done, for people and for scripts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradestream.replay.tape import Cursor


@dataclass(frozen=True)
class DumpSummary:
    """What of one dump.

    Attributes:
        file: its path.
        symbol: whose trades it holds.
        trades: how many this run sent.
        last_id: the last that was sent, by this run or one before; None where none was.
        done: whether Kafka has all.
    """

    file: str
    symbol: str
    trades: int
    last_id: int | None
    done: bool


@dataclass(frozen=True)
class Summary:
    """What of all.

    Attributes:
        topic: where to.
        done: whether Kafka has all of all dumps.
        trades: how many this run sent.
        seconds: how long it took.
        exit_status: 0, or that of a program which a signal ended before all was done.
        dumps: each.
    """

    topic: str
    done: bool
    trades: int
    seconds: float
    exit_status: int
    dumps: list[DumpSummary]

    @classmethod
    def of(cls, topic: str, cursors: Sequence[Cursor], seconds: float, exit_status: int) -> Self:
        """Sums up; `exit_status` counts where something is left to do."""
        dumps = [
            DumpSummary(
                str(cursor.dump.path),
                cursor.dump.symbol,
                cursor.sent,
                cursor.last_id if cursor.last_id >= 0 else None,
                cursor.done,
            )
            for cursor in cursors
        ]
        done = all(cursor.done for cursor in cursors)
        trades = sum(cursor.sent for cursor in cursors)
        return cls(topic, done, trades, round(seconds, 3), 0 if done else exit_status, dumps)

    def as_json(self) -> str:
        """Returns it as one line for scripts."""
        return json.dumps(asdict(self))

    def __str__(self) -> str:
        if self.done and not self.trades:
            return f"nothing to do: {self.topic} has all trades of {_dumps(self.dumps)}; --restart sends them again"
        rate = f"{self.trades / self.seconds:,.0f} trades/s" if self.seconds else "at once"
        sent = f"{self.trades:,} trades sent to {self.topic} in {self.seconds:.1f} s ({rate})"
        if self.done:
            return f"{sent}: it has all of {_dumps(self.dumps)}"
        left = [dump for dump in self.dumps if not dump.done]
        return f"{sent}; {_dumps(left)} not done: the same command goes on where this one stopped"


def _dumps(dumps: Sequence[DumpSummary]) -> str:
    return "1 dump" if len(dumps) == 1 else f"{len(dumps)} dumps"
