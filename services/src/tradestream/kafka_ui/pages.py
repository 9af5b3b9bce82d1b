"""The pages: each an address that is read, none that changes anything."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler
from confluent_kafka.admin._metadata import TopicMetadata
from prometheus_client.aiohttp import make_aiohttp_handler

from tradestream import process
from tradestream.errors import ConfigError, KafkaUnavailableError, NothingFoundError
from tradestream.kafka_ui import facts, question, search, shown, tail
from tradestream.kafka_ui.cluster import Cluster
from tradestream.kafka_ui.figures import Place, Watcher
from tradestream.kafka_ui.guard import Slots
from tradestream.kafka_ui.messages import Budget, Stretch, opened
from tradestream.kafka_ui.question import Question
from tradestream.kafka_ui.render import render

STATIC = Path(__file__).parent / "static"

_TAIL = "tail"
_MOST_SEARCHES = 4
_MOST_TAILS = 8
_WRITE_SECONDS = 10.0
_WHOLE = partial(shown.message, most=2 * 1024 * 1024, indent=True)


class Pages:
    """All pages.

    Args:
        cluster: whom to ask about the cluster.
        watcher: whom to ask for what the cluster does not say.
        client: librdkafka's configuration, to read messages with.
    """

    def __init__(self, cluster: Cluster, watcher: Watcher, client: Mapping[str, str]) -> None:
        self._cluster = cluster
        self._watcher = watcher
        self._client = client
        self._searches = Slots(_MOST_SEARCHES, "searches")
        self._tails = Slots(_MOST_TAILS, "live tails")

    def routes(self) -> list[web.AbstractRouteDef]:
        """Returns what is where."""
        return [
            web.get("/", self._overview),
            web.get("/topics", self._topics),
            web.get("/topics/{topic}", self._topic),
            web.get("/topics/{topic}/messages", self._messages),
            web.get(r"/topics/{topic}/messages/{partition:\d{1,6}}/{offset:\d{1,18}}", self._message),
            web.get("/topics/{topic}/tail", self._tail),
            web.get("/topics/{topic}/events", self._events, name=_TAIL, allow_head=False),
            web.get("/readers", self._readers),
            web.get("/metrics", make_aiohttp_handler(process.registry())),
            web.static("/static", STATIC),
        ]

    async def _overview(self, request: web.Request) -> web.Response:
        return render(request, "overview.html", cluster=await self._seen())

    async def _topics(self, request: web.Request) -> web.Response:
        return render(request, "topics.html", topics=(await self._seen()).topics)

    async def _seen(self) -> facts.Overview:
        metadata, figures = await asyncio.gather(self._cluster.metadata(), self._watcher.figures())
        bounds = await self._cluster.bounds(facts.led(metadata.topics))
        return facts.overview(metadata, bounds, figures)

    async def _topic(self, request: web.Request) -> web.Response:
        name = request.match_info["topic"]
        found, figures = await asyncio.gather(self._cluster.topic(name), self._watcher.figures())
        bounds = await self._cluster.bounds(facts.led({name: found}))
        (topic,) = facts.topics({name: found}, bounds, figures)
        return render(request, "topic.html", topic=topic)

    async def _readers(self, request: web.Request) -> web.Response:
        metadata, figures, groups = await asyncio.gather(
            self._cluster.metadata(), self._watcher.figures(), self._cluster.groups()
        )
        there = facts.led(metadata.topics)
        places = facts.places([*(each.positions for each in groups.shown), figures.positions], there)
        bounds = await self._cluster.bounds(places)
        readers = facts.readers(groups, figures, bounds.end)
        return render(
            request,
            "readers.html",
            readers=readers,
            left_out=groups.left_out,
            trouble=groups.trouble,
            is_job_silent=not figures.positions,
        )

    async def _messages(self, request: web.Request) -> web.Response:
        name, asked = request.match_info["topic"], question.read(request.query)
        with self._searches:
            topic = await self._cluster.topic(name)
            found, silent = await self._search(name, topic, asked)
        return render(
            request,
            "messages.html",
            topic=name,
            partitions=sorted(topic.partitions),
            found=found,
            older=question.written(found.older),
            newer=question.written(found.newer),
            is_back=_is_back(asked),
            silent=silent,
        )

    async def _search(self, name: str, topic: TopicMetadata, asked: Question) -> tuple[search.Found, list[int]]:
        """Returns what was found, and which partitions could not be looked at as no leader answers.

        Raises:
            ConfigError: the topic has more partitions than an address has room for.
        """
        places = _places(name, topic, asked.partition)
        if len(places) > question.MOST_PARTITIONS:
            raise ConfigError(f"it has more than {question.MOST_PARTITIONS:,} partitions: choose one on its page")
        held = await self._cluster.bounds(places)
        places = [place for place in places if place in held.first and place in held.end]
        bounds = {place[1]: (held.first[place], held.end[place]) for place in places}
        ends = {number: end for number, (_, end) in bounds.items()}
        starts = ends
        if asked.since is not None:
            since = await self._cluster.since(places, asked.since)
            bounds = {number: bounds[number] for _, number in since}
            starts = {number: ends[number] if at < 0 else at for (_, number), at in since.items()}
        elif asked.offset is not None:
            starts = dict.fromkeys(bounds, asked.offset)
        elif asked.newer or asked.older:
            starts = {number: at for number, at in (asked.newer or asked.older).items() if number in bounds}
        look = search.back if _is_back(asked) else search.onwards

        def run() -> search.Found:
            with opened(self._client, name) as source:
                return look(source, bounds, starts, search.with_key(asked.key))

        wanted = set(topic.partitions) if asked.partition is None else {asked.partition}
        return await asyncio.to_thread(run), sorted(wanted - bounds.keys())

    async def _message(self, request: web.Request) -> web.Response:
        name = request.match_info["topic"]
        partition, offset = int(request.match_info["partition"]), int(request.match_info["offset"])
        with self._searches:
            _places(name, await self._cluster.topic(name), partition)
            budget = Budget()

            def run() -> Stretch:
                with opened(self._client, name, _WHOLE) as source:
                    span = {partition: (offset, offset + 1)}
                    return source.read(span, budget, 1, search.with_key(None), stop_when_full=True)[partition]

            stretch = await asyncio.to_thread(run)
        if not stretch.found and not stretch.is_done:
            raise KafkaUnavailableError(f"partition {partition} of topic {name}: nothing came within {budget.spent}")
        found = [message for message in stretch.found if message.offset == offset]
        if not found:
            raise NothingFoundError(f"partition {partition} of topic {name} has no message at offset {offset}")
        return render(request, "message.html", topic=name, message=found[0])

    async def _tail(self, request: web.Request) -> web.Response:
        name = request.match_info["topic"]
        await self._cluster.topic(name)
        return render(request, "tail.html", topic=name)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Sends events as browsers' EventSource reads them; who goes ends it, as does a stop of the service."""
        with self._tails:
            news = tail.follow(self._cluster, self._client, request.match_info["topic"])
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            try:
                async for each in news:
                    if not response.prepared:  # until Kafka has answered, an answer of its own says why it does not
                        await response.prepare(request)
                    async with asyncio.timeout(_WRITE_SECONDS):
                        await response.write(b"data: " + msgspec.json.encode(each) + b"\n\n")
                await response.write(b"event: over\ndata: \n\n")
            except (ConnectionResetError, TimeoutError):  # whoever looked on has gone, or no longer reads
                pass
            finally:
                await news.aclose()
        return response


def is_tail(request: web.Request) -> bool:
    """Whether a request is for a live tail, of which there may be so many by themselves."""
    return request.match_info.route.name == _TAIL


def _places(name: str, topic: TopicMetadata, partition: int | None) -> list[Place]:
    """Returns the partitions of a topic that can be read, or only one of them.

    Raises:
        NothingFoundError: it has no such partition, or none leads it now.
    """
    places = [place for place in facts.led({name: topic}) if partition in (None, place[1])]
    if partition is not None and not places:
        raise NothingFoundError(f"topic {name} has no partition {partition} that can be read now")
    return places


def _is_back(asked: Question) -> bool:
    return asked.since is None and asked.offset is None and not asked.newer


_KINDS: dict[type[Exception], tuple[int, str]] = {
    ConfigError: (400, "That cannot be asked"),
    NothingFoundError: (404, "There is nothing here"),
    KafkaUnavailableError: (503, "Kafka does not answer"),
}


@web.middleware
async def tell(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Says in a page of its own why there is no other."""
    try:
        return await handler(request)
    except tuple(_KINDS) as error:
        status, title = next(kind for each, kind in _KINDS.items() if isinstance(error, each))
        return render(request, "error.html", status=status, title=title, why=str(error))
    except web.HTTPException as error:
        answer = render(request, "error.html", status=error.status, title=error.reason, why=error.text or "")
        answer.headers.update({name: error.headers[name] for name in ("Allow", "Retry-After") if name in error.headers})
        return answer
