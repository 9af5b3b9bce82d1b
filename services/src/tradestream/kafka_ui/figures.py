"""What Kafka's client cannot ask for: brokers and the Spark job say it where Prometheus reads it."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

_FRESH_SECONDS = 5.0
_PATIENCE_SECONDS = 0.15
_FETCH_SECONDS = 5.0
_MOST_BYTES = 4 * 1024 * 1024
_SIZE, _LEADER, _POSITION = "kafka_log_log_size_bytes", "kafka_server_raft_current_leader", "stream_position_offset"

Place = tuple[str, int]
"""A topic, and the number of one of its partitions."""


@dataclass(frozen=True)
class Figures:
    """What was said last.

    Attributes:
        sizes: bytes that each partition takes, all its copies together.
        controller: the id of the node that leads the controllers; None where no broker said.
        positions: the offset that the Spark job reads next.
    """

    sizes: Mapping[Place, int] = field(default_factory=dict)
    controller: int | None = None
    positions: Mapping[Place, int] = field(default_factory=dict)


def read(texts: Iterable[str]) -> Figures:
    """Reads figures out of metrics in Prometheus' format, one text for each place that was asked."""
    sizes: dict[Place, int] = defaultdict(int)
    positions: dict[Place, int] = {}
    controller = None
    for sample in (sample for text in texts for sample in _samples(text)):
        with suppress(KeyError, ValueError, OverflowError):  # lacks a label, or is no number
            if sample.name == _LEADER:
                controller = int(sample.value) if sample.value >= 0 else controller
            elif sample.name == _SIZE:
                sizes[_place(sample)] += int(sample.value)
            elif sample.name == _POSITION:
                positions[_place(sample)] = int(sample.value)
    return Figures(dict(sizes), controller, positions)


def _samples(text: str) -> list[Sample]:
    """Returns the samples that matter here; none of a text that is no such format."""
    lines = [line for line in text.splitlines() if line.startswith((_SIZE, _LEADER, _POSITION))]
    try:
        return [one for family in text_string_to_metric_families("\n".join(lines) + "\n") for one in family.samples]
    except ValueError:
        return []


def _place(sample: Sample) -> Place:
    return sample.labels["topic"], int(sample.labels["partition"])


class Watcher:
    """Figures that are at most a few seconds old, and that no page waits for longer than a moment.

    Args:
        urls: where metrics are.
    """

    def __init__(self, urls: Iterable[str]) -> None:
        self._urls = tuple(urls)
        self._newest = Figures()
        self._read_at = -_FRESH_SECONDS
        self._reading: asyncio.Task[None] | None = None

    async def figures(self) -> Figures:
        """Returns the newest figures, older ones where new ones take their time."""
        if self._reading is None and time.monotonic() - self._read_at > _FRESH_SECONDS:
            self._reading = asyncio.create_task(self._read())
        if self._reading is not None:
            await asyncio.wait({self._reading}, timeout=_PATIENCE_SECONDS)
        return self._newest

    async def close(self) -> None:
        """Ends what is being read."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self) -> None:
        try:
            timeout = aiohttp.ClientTimeout(total=_FETCH_SECONDS)
            async with aiohttp.ClientSession(timeout=timeout) as session:
                texts = await asyncio.gather(*(_fetch(session, url) for url in self._urls))
            self._newest = await asyncio.to_thread(read, texts)
        finally:
            self._read_at = time.monotonic()
            self._reading = None


async def _fetch(session: aiohttp.ClientSession, url: str) -> str:
    """Returns what a place says, nothing where it does not answer: a page without its figures is still a page."""
    try:
        async with session.get(url) as response:
            body = await response.content.readexactly(_MOST_BYTES)
    except asyncio.IncompleteReadError as error:
        body = error.partial
    except (aiohttp.ClientError, TimeoutError):
        return ""
    return body.decode(errors="replace")
