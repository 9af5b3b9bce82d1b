"""What an exchange does once in a while, on demand: POST /control/..., see `HELP`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import cycle, islice
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web

from tradestream.dump import Row
from tradestream.logs import line
from tradestream.simulator.binance.wire import BinanceWriter
from tradestream.simulator.history import History, Lag
from tradestream.simulator.hub import Client, Hub

log = logging.getLogger(__name__)

_UpToAnHour = Annotated[float, msgspec.Meta(ge=0, le=3600)]
_UpToAMillion = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]

_PLACEHOLDER = Row(1, "1.00000000", "1.00000000", "1.00000000", 1735689600000123, buyer_is_maker=True)
"""The trade that malformed frames are made of before there is one."""


class _Nothing(msgspec.Struct, forbid_unknown_fields=True):
    pass


class _Seconds(msgspec.Struct, forbid_unknown_fields=True):
    seconds: _UpToAnHour = 10.0


class _Late(msgspec.Struct, forbid_unknown_fields=True):
    seconds: _UpToAnHour = 5.0
    lasts: _UpToAnHour = msgspec.field(name="for", default=60.0)


class _Status(msgspec.Struct, forbid_unknown_fields=True):
    status: Literal[429, 418] = 429
    seconds: _UpToAnHour = 10.0


class _Trades(msgspec.Struct, forbid_unknown_fields=True):
    trades: _UpToAMillion = 1


class _Ids(msgspec.Struct, forbid_unknown_fields=True):
    ids: _UpToAMillion = 1


class _Frames(msgspec.Struct, forbid_unknown_fields=True):
    frames: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 7


class _Unit(msgspec.Struct, forbid_unknown_fields=True):
    to: Literal["us", "ms"]


_QUERIES: dict[type[msgspec.Struct], str] = {
    _Nothing: "",
    _Seconds: "?seconds=0..3600 (10)",
    _Late: "?seconds=0..3600 (5) &for=0..3600 (60)",
    _Status: "?status=429|418 (429) &seconds=0..3600 (10)",
    _Trades: "?trades=0..1000000 (1)",
    _Ids: "?ids=0..1000000 (1)",
    _Frames: "?frames=0..1000 (7)",
    _Unit: "?to=us|ms",
}
"""What a query may say, with what it means where it does not, for a person."""


class Control:
    """The addresses of `HELP`."""

    def __init__(self, hub: Hub, histories: Mapping[str, History]) -> None:
        self._hub = hub
        self._histories = histories

    def routes(self) -> list[web.RouteDef]:
        """Returns what to serve where."""
        return [web.post(f"/control/{name}", self._handler(action)) for name, action in _ACTIONS.items()]

    def _handler(self, action: _Action) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            query = action.read(request.query)
            clients = [client for client in self._hub.clients if not client.closing.is_set()]
            log.info(line("control", path=request.path_qs, clients=len(clients)))
            action.do(self, clients, query, await request.text())
            return web.json_response({"clients": len(clients)})

        return handle

    def close(self, clients: list[Client], _query: _Nothing, _body: str) -> None:
        """Ends connections with a closing frame."""
        _end(clients)

    def drop(self, clients: list[Client], _query: _Nothing, _body: str) -> None:
        """Ends connections without one."""
        for client in clients:
            client.dropped = True
        _end(clients)

    def server_shutdown(self, clients: list[Client], query: _Seconds, _body: str) -> None:
        """Announces the end where the exchange does, and ends connections later."""
        for client in clients:
            notice = client.writer.shutdown_notice()
            if notice is not None:
                client.say(notice)
        asyncio.get_running_loop().call_later(query.seconds, _end, clients)

    def stall(self, clients: list[Client], _query: _Nothing, _body: str) -> None:
        """Sends connections nothing any more."""
        for client in clients:
            client.stalled = True

    def half_open(self, clients: list[Client], _query: _Nothing, _body: str) -> None:
        """Does not answer connections either."""
        for client in clients:
            client.mute.set()

    def send(self, clients: list[Client], _query: _Nothing, body: str) -> None:
        """Sends a text as it is."""
        for client in clients:
            client.say(body)

    def malformed(self, clients: list[Client], query: _Frames, _body: str) -> None:
        """Sends frames that are wrong in different ways."""
        for client in clients:
            for text in islice(cycle(self._malformed(client)), query.frames):
                client.say(text)

    def lose(self, _clients: list[Client], query: _Trades, _body: str) -> None:
        """Does not send trades."""
        self._hub.faults.sending.lose = query.trades

    def duplicate(self, _clients: list[Client], query: _Trades, _body: str) -> None:
        """Sends trades twice."""
        self._hub.faults.sending.duplicate = query.trades

    def reorder(self, _clients: list[Client], query: _Trades, _body: str) -> None:
        """Sends trades late."""
        self._hub.faults.sending.reorder = query.trades

    def skip_ids(self, _clients: list[Client], query: _Ids, _body: str) -> None:
        """Leaves out ids."""
        if self._hub.faults.making.replays:
            raise web.HTTPBadRequest(text="a replay has the ids of its dump")
        self._hub.faults.making.skip_ids = query.ids

    def pause(self, _clients: list[Client], query: _Seconds, _body: str) -> None:
        """Makes no trades."""
        self._hub.faults.making.pause_for(query.seconds)

    def unit(self, clients: list[Client], query: _Unit, _body: str) -> None:
        """Changes the unit of times."""
        for client in clients:
            if isinstance(client.writer, BinanceWriter):
                client.writer = replace(client.writer, microseconds=query.to == "us")

    def rest_status(self, _clients: list[Client], query: _Status, _body: str) -> None:
        """Refuses all requests."""
        self._hub.faults.answering.refuse(query.status, query.seconds)

    def rest_slow(self, _clients: list[Client], query: _Late, _body: str) -> None:
        """Answers late."""
        self._hub.faults.answering.slow(query.seconds, query.lasts)

    def rest_down(self, _clients: list[Client], query: _Seconds, _body: str) -> None:
        """Does not answer."""
        self._hub.faults.answering.down(query.seconds)

    def rest_lag(self, _clients: list[Client], query: _Late, _body: str) -> None:
        """Knows new trades late."""
        for history in self._histories.values():
            history.lag = Lag(query.seconds, query.lasts, history.last.trade_id if history.last else -1)

    def _malformed(self, client: Client) -> list[str]:
        """Returns texts that are close to a trade of a client, and none."""
        writer = client.writer
        streams = ((symbol, stream) for symbol in self._histories for stream in writer.streams(symbol)[:1])
        for symbol, stream in streams:
            row = self._histories[symbol].last or _PLACEHOLDER
            good, *bad = (text for one in _broken(row) for text in writer.write(stream, symbol, [one]))
            return [good[: len(good) // 2], "not JSON", "[]", "{}", *bad]
        return ["not JSON", "[]", "{}"]


def _broken(row: Row) -> Iterator[Row]:
    """Yields a trade, and then what no trade can be."""
    yield row
    yield row._replace(price="-1")
    yield row._replace(quantity="some")
    yield row._replace(trade_id=-1)


def _end(clients: Iterable[Client]) -> None:
    for client in clients:
        client.closing.set()


@dataclass(frozen=True)
class _Action:
    """One address of `HELP`.

    Attributes:
        what: what it does, for a person.
        query: what its query may say.
        do: does it to all connections.
    """

    what: str
    query: type[msgspec.Struct]
    do: Callable[[Control, list[Client], Any, str], None]

    def read(self, query: Mapping[str, str]) -> msgspec.Struct:
        """Reads a query; a wrong one is answered 400 with what is allowed."""
        try:
            return msgspec.convert(dict(query), self.query, strict=False)
        except msgspec.ValidationError as error:
            raise web.HTTPBadRequest(text=f"{error}; allowed: {_QUERIES[self.query] or 'no query'}") from error


_ACTIONS = {
    "close": _Action("end all connections, as after 24 hours", _Nothing, Control.close),
    "drop": _Action("end all connections without a closing frame, as a broken network does", _Nothing, Control.drop),
    "server-shutdown": _Action(
        "end all connections in so many seconds; Binance announces serverShutdown", _Seconds, Control.server_shutdown
    ),
    "stall": _Action(
        "keep all present connections open and send them nothing any more but pongs", _Nothing, Control.stall
    ),
    "half-open": _Action(
        "keep all present connections open and send nothing, not even pongs", _Nothing, Control.half_open
    ),
    "send": _Action("send the request's body to all connections as it is", _Nothing, Control.send),
    "malformed": _Action("send all connections so many frames that cannot be read", _Frames, Control.malformed),
    "lose": _Action("log so many trades and never send them", _Trades, Control.lose),
    "duplicate": _Action("send so many trades twice", _Trades, Control.duplicate),
    "reorder": _Action("send so many trades after the next one of their symbol", _Trades, Control.reorder),
    "skip-ids": _Action("let the next id of each made-up symbol leave out so many", _Ids, Control.skip_ids),
    "pause": _Action("make no trades for so many seconds", _Seconds, Control.pause),
    "unit": _Action("write times in this unit to the present connections of Binance", _Unit, Control.unit),
    "rest-status": _Action("answer REST with this status and Retry-After", _Status, Control.rest_status),
    "rest-slow": _Action("answer REST so many seconds late", _Late, Control.rest_slow),
    "rest-down": _Action("reset connections that ask something over REST", _Seconds, Control.rest_down),
    "rest-lag": _Action("let REST know new trades so many seconds late", _Late, Control.rest_lag),
}


def _help() -> str:
    lines = []
    for name, action in _ACTIONS.items():
        lines.append(f"POST /control/{name:<16} {action.what}")
        if _QUERIES[action.query]:
            lines.append(f"{'':30} {_QUERIES[action.query]}")
    return "\n".join(lines)


HELP = f"""\
{_help()}
trades, ids and frames are counted over all symbols that somebody listens to; 0 ends what was begun
each answers {{"clients": N}}, how many connections it met, or 400 and what is allowed"""
