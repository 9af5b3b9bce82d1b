"""The REST side: products, and their trades by cursor.

Trades come newest first, at most 1000 a page. `after=ID` gives the ones with lower ids, `before=ID` the newest
ones with higher ids, which are those next to it only where a page holds them all. The header CB-BEFORE has the
first id of a page, CB-AFTER the last. 10 requests a second, 15 at once; then status 429 with
`{"message":"Public rate limit exceeded"}`. What is not there is `{"message":"NotFound"}` with status 404.

Source: docs.cdp.coinbase.com, exchange/rest-api/pagination, rate-limits and get-product-trades.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from aiohttp import web

from tradestream.simulator import rest
from tradestream.simulator.coinbase.wire import rest_trade
from tradestream.simulator.faults import Answering
from tradestream.simulator.history import History
from tradestream.simulator.symbols import exchange_of

_MAX_ROWS = 1_000
_REQUESTS_A_SECOND, _BURST = 10.0, 15
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)


class CoinbaseError(Exception):
    """What Coinbase answers with a status of its own and a message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Rest:
    """Market data over HTTP."""

    def __init__(self, histories: Mapping[str, History], answering: Answering) -> None:
        self._histories = {name: one for name, one in histories.items() if exchange_of(name) == "coinbase"}
        self._answering = answering
        self._bucket = rest.Bucket(_REQUESTS_A_SECOND, _BURST)

    def routes(self) -> list[web.RouteDef]:
        """Returns what to serve where."""
        handlers = {
            "/products": self._products,
            "/products/{product}": self._product,
            "/products/{product}/trades": self._trades,
        }
        return [rest.get(path, self._limited(handler), self._answering) for path, handler in handlers.items()]

    def _limited(self, handler: rest.Handler) -> rest.Handler:
        """Returns a handler that counts requests and writes errors."""

        async def limit(request: web.Request) -> web.Response:
            if not self._bucket.take(request.remote):
                return rest.json({"message": "Public rate limit exceeded"}, 429)
            try:
                return await handler(request)
            except CoinbaseError as error:
                return rest.json({"message": str(error)}, error.status)

        return limit

    async def _products(self, _request: web.Request) -> web.Response:
        return rest.json([_product(name) for name in self._histories])

    async def _product(self, request: web.Request) -> web.Response:
        self._history(request)
        return rest.json(_product(request.match_info["product"]))

    async def _trades(self, request: web.Request) -> web.Response:
        history = self._history(request)
        limit = min(_number(request, "limit") or _MAX_ROWS, _MAX_ROWS)
        before, after = _number(request, "before"), _number(request, "after")
        rows = history.newest(limit, above=-1 if before is None else before, below=after)[::-1]
        headers = {"CB-BEFORE": str(rows[0].trade_id), "CB-AFTER": str(rows[-1].trade_id)} if rows else {}
        return rest.json([rest_trade(row) for row in rows], headers=headers)

    def _history(self, request: web.Request) -> History:
        history = self._histories.get(request.match_info["product"])
        if history is None:
            raise CoinbaseError(404, "NotFound")
        return history


def _product(name: str) -> dict[str, object]:
    base, quote = name.split("-")
    return {
        "id": name,
        "base_currency": base,
        "quote_currency": quote,
        "display_name": f"{base}/{quote}",
        "status": "online",
        "status_message": "",
        "trading_disabled": False,
    }


def _number(request: web.Request, name: str) -> int | None:
    text = request.query.get(name)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        raise CoinbaseError(400, f"Invalid {name}")
    return int(text)
