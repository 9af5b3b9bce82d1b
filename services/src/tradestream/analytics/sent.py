"""Which signals are on their topic already, so that none is sent again.

A record of the state is written before its messages are published. After a crash in between nobody knows which of them
arrived, and after a lost checkpoint candles close again that closed before. A candle may be published again, since a
reader takes the newest; a signal may not. So a start reads what the topic holds, and what is there is left out.

A large trade's signal is made twice, by `fast_path` and by the batch that takes the trade, and leaves by the first of
them. Until a batch takes the trade, its signal's id is held here; from then on the trade's own id tells, which the
candle book never forgets. So what is held is bounded, and a trade that comes again makes no signal again.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress

import msgspec

from tradestream import tail
from tradestream.analytics.publish import Outgoing
from tradestream.errors import DeliveryError

# Of each partition: with the default rules and ten symbols many weeks.
_MOST = 50_000
# So many signals may be ahead of the batches. A start has to find all of them among the newest of the topic, though
# the batches sent others after them.
_MOST_AHEAD = 10_000


class _Id(msgspec.Struct):
    signal_id: str


_decode = msgspec.json.Decoder(_Id).decode


class Sent:
    """The signals that left, by either way.

    Whoever sends one ahead of the batches does so, from the first look to the confirmation, in one `turn`; and it is in
    a turn that a batch remembers its trades, before it asks what is `unsent`. So one of the two sees the other.

    Args:
        ids: Of those that are on the topic already.
    """

    def __init__(self, ids: Collection[str] = ()) -> None:
        self._before = frozenset(ids)
        self._ahead: set[str] = set()
        self._lock = threading.Lock()
        self._broken = False

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Have the other way wait.

        Raises:
            DeliveryError: An earlier turn failed: nobody knows whether what it sent has left.
        """
        with self._lock:
            if self._broken:
                raise DeliveryError("a signal that went ahead of its batch was not confirmed")
            self._broken = True
            yield
            self._broken = False

    def go_ahead(self, signal_id: str) -> bool:
        """Whether a signal may be sent ahead of the batches; whoever asks is in a turn, has to send it, and does."""
        if signal_id in self._before or signal_id in self._ahead or len(self._ahead) >= _MOST_AHEAD:
            return False
        self._ahead.add(signal_id)
        return True

    def unsent(self, messages: Iterable[Outgoing]) -> list[Outgoing]:
        """The messages of a batch without the signals that left; the trades of these are remembered.

        Raises:
            DeliveryError: As `turn`.
        """
        messages = list(messages)
        with self.turn():
            ids = {each.signal_id for each in messages if each.signal_id is not None}
            left = {each for each in ids if each in self._before or each in self._ahead}
            self._ahead -= left
            return [each for each in messages if each.signal_id not in left]


def sent_signals(client: Mapping[str, str], topic: str, most: int = _MOST) -> set[str]:
    """Ids of the newest ``most`` signals of each partition.

    Raises:
        KafkaUnavailableError: No broker answers.
    """
    with tail.opened(client, topic) as end:
        return {signal_id for value in end.newest(most) for signal_id in _id(value)}


def _id(value: bytes) -> Iterator[str]:
    # What somebody else wrote there is no business of this job.
    with suppress(msgspec.MsgspecError):
        yield _decode(value).signal_id
