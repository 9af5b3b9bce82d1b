"""What comes into a topic, as it comes: never more than a person can read, and for so long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import msgspec

from tradestream.errors import KafkaUnavailableError, NothingFoundError
from tradestream.kafka_ui.cluster import Cluster
from tradestream.kafka_ui.facts import led
from tradestream.kafka_ui.messages import Budget, Source, opened
from tradestream.kafka_ui.search import with_key
from tradestream.kafka_ui.shown import Message

MOST_SECONDS = 600.0
MOST_MESSAGES = 20
_TICK_SECONDS = 1.0


class News(msgspec.Struct, frozen=True):
    """What came within about a second.

    Attributes:
        messages: the newest messages, oldest first.
        skipped: how many more came.
        trouble: why nothing can be said, or not of all; empty where all is well.
    """

    messages: list[Message] = []
    skipped: int = 0
    trouble: str = ""


async def follow(cluster: Cluster, client: Mapping[str, str], topic: str) -> AsyncGenerator[News]:
    """Yields nothing new once Kafka has answered, then about once a second what came into a topic, for ten minutes.

    Raises:
        KafkaUnavailableError: no broker answered at the beginning.
        NothingFoundError: there is no such topic.
    """
    at = (await cluster.bounds(led({topic: await cluster.topic(topic)}))).end
    ends = time.monotonic() + MOST_SECONDS
    # One thread opens, reads and closes: nothing can close what is still being read, whenever this is ended.
    pool, opening = ThreadPoolExecutor(1, "tail"), ExitStack()
    run = asyncio.get_running_loop().run_in_executor
    try:
        source = await run(pool, opening.enter_context, opened(client, topic))
        yield News()
        while time.monotonic() < ends:
            await asyncio.sleep(_TICK_SECONDS)
            try:
                there = await cluster.topic(topic)
                end = (await cluster.bounds(led({topic: there}))).end
                came = {number: (at.get((topic, number), now), now) for (_, number), now in end.items()}
                news = await run(pool, _reading(source, came, _silent(sorted(there.partitions.keys() - came))))
            except NothingFoundError as error:
                yield News(trouble=str(error))
                continue
            except KafkaUnavailableError as error:
                yield News(trouble=f"Kafka does not answer: {error}")
                continue
            at = {**at, **end}
            yield news
    finally:
        pool.submit(opening.close)
        pool.shutdown(wait=False)


def _silent(partitions: Iterable[int]) -> str:
    numbers = ", ".join(map(str, partitions))
    return f"no leader answers for partition {numbers}" if numbers else ""


def _reading(source: Source, came: Mapping[int, tuple[int, int]], trouble: str) -> Callable[[], News]:
    """Returns what reads the newest of what came."""
    spans = {number: (max(begin, end - MOST_MESSAGES), end) for number, (begin, end) in came.items() if end > begin}

    def read() -> News:
        stretches = source.read(spans, Budget(), MOST_MESSAGES, with_key(None), stop_when_full=False)
        found = [message for each in stretches.values() for message in each.found]
        shown = sorted(found, key=lambda message: message.time)[-MOST_MESSAGES:]
        total = sum(max(0, end - begin) for begin, end in came.values())
        return News(shown, total - len(shown), trouble)

    return read
