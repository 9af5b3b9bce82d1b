"""How the pipeline does, in a few figures."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

_WINDOW_SECONDS = 10.0


@dataclass(frozen=True)
class Figures:
    """What is shown beside the market.

    Attributes:
        rates: messages a second by topic, as offsets tell.
        skipped: how many messages were passed over, as there were too many to show.
        unreadable: how many messages could not be read.
        trouble: why Kafka gives nothing, or not all; empty where all is well.
    """

    rates: Mapping[str, float]
    skipped: int = 0
    unreadable: int = 0
    trouble: str = ""


class Rates:
    """Messages a second over the last ten seconds."""

    def __init__(self) -> None:
        self._past: deque[tuple[float, dict[str, int]]] = deque()

    def add(self, now: float, taken: Mapping[str, int]) -> None:
        """Notes how many messages each topic has had, at a time in seconds."""
        self._past.append((now, dict(taken)))
        while self._past[-1][0] - self._past[0][0] > _WINDOW_SECONDS:
            self._past.popleft()

    def __call__(self) -> dict[str, float]:
        """Returns the rate of each topic."""
        if not self._past:
            return {}
        (begin, before), (end, now) = self._past[0], self._past[-1]
        seconds = end - begin
        return {topic: (count - before[topic]) / seconds if seconds else 0.0 for topic, count in now.items()}
