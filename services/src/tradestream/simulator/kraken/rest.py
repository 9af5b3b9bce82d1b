"""The REST side: pairs, and trades by time.

`GET /0/public/Trades?pair=XBTUSD&since=1688669597827736901&count=1000` gives the trades after that nanosecond,
the oldest first, at most 1000, and as `last` the nanosecond to go on from; without `since`, the newest ones:

    {"error":[],"result":{"XXBTZUSD":[["30243.40000","0.34507674",1688669597.827736901,"b","m","",61044952]],
     "last":"1688669597827736901"}}

Errors have status 200: `{"error":["EQuery:Unknown asset pair"]}`, and `{"error":["EAPI:Rate limit exceeded"]}` beyond
about one request a second.

Source: docs.kraken.com, rest-api/get-recent-trades and guides/spot-rest-ratelimits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice

from aiohttp import web

from tradestream.dump import Row
from tradestream.simulator import rest
from tradestream.simulator.faults import Answering
from tradestream.simulator.history import History
from tradestream.simulator.kraken import names
from tradestream.simulator.kraken.wire import rest_row, stamped
from tradestream.simulator.symbols import exchange_of
from tradestream.simulator.times import microseconds

_MAX_ROWS = 1_000
_REQUESTS_A_SECOND, _BURST = 1.0, 5
_NUMBER = re.compile(r"[0-9]{1,19}", re.ASCII)


class KrakenError(Exception):
    """What Kraken answers as an error, such as `EQuery:Unknown asset pair`."""


class Rest:
    """Market data over HTTP."""

    def __init__(self, histories: Mapping[str, History], answering: Answering) -> None:
        self._histories = {name: one for name, one in histories.items() if exchange_of(name) == "kraken"}
        self._answering = answering
        self._bucket = rest.Bucket(_REQUESTS_A_SECOND, _BURST)

    def routes(self) -> list[web.RouteDef]:
        """Returns what to serve where."""
        handlers = {"/0/public/AssetPairs": self._asset_pairs, "/0/public/Trades": self._trades}
        return [rest.get(path, self._limited(handler), self._answering) for path, handler in handlers.items()]

    def _limited(self, handler: rest.Handler) -> rest.Handler:
        """Returns a handler that counts requests and writes errors."""

        async def limit(request: web.Request) -> web.Response:
            if not self._bucket.take(request.remote):
                return rest.json({"error": ["EAPI:Rate limit exceeded"]})
            try:
                return await handler(request)
            except KrakenError as error:
                return rest.json({"error": [str(error)]})

        return limit

    async def _asset_pairs(self, request: web.Request) -> web.Response:
        asked = request.query.get("pair")
        symbols = list(self._histories) if asked is None else [self._symbol(name) for name in asked.split(",")]
        return rest.json({"error": [], "result": {names.key(symbol): _pair(symbol) for symbol in symbols}})

    async def _trades(self, request: web.Request) -> web.Response:
        symbol = self._symbol(request.query.get("pair", ""))
        history = self._histories[symbol]
        limit = min(_number(request, "count") or _MAX_ROWS, _MAX_ROWS)
        since = _number(request, "since")
        page = _newest(history, limit) if since is None else _after(history, since, limit)
        last = str(page[-1][0]) if page else str(since or 0)
        rows = [rest_row(at, row) for at, row in page]
        return rest.json({"error": [], "result": {names.key(symbol): rows, "last": last}})

    def _symbol(self, name: str) -> str:
        for symbol in self._histories:
            if name in names.understood(symbol):
                return symbol
        raise KrakenError("EQuery:Unknown asset pair")


def _after(history: History, nanoseconds: int, limit: int) -> list[tuple[int, Row]]:
    rows = stamped(history.since_time(nanoseconds // 1000))
    return list(islice((one for one in rows if one[0] > nanoseconds), limit))


def _newest(history: History, limit: int) -> list[tuple[int, Row]]:
    newest = history.newest(limit)
    if not newest:
        return []
    rows = stamped(history.since_time(microseconds(newest[0].time)))
    known = (one for one in rows if newest[0].trade_id <= one[1].trade_id)
    return list(islice(known, limit))


def _pair(symbol: str) -> dict[str, object]:
    return {"altname": names.short(symbol), "wsname": names.slashed(symbol), "status": "online"}


def _number(request: web.Request, name: str) -> int | None:
    text = request.query.get(name)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        raise KrakenError(f"EGeneral:Invalid arguments:{name}")
    return int(text)
