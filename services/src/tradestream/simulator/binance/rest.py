"""The REST side: Binance's addresses, errors and request weights.

An error is `{"code":-1121,"msg":"Invalid symbol."}` with status 400; too much weight is status 429 with
Retry-After. Source: binance-spot-api-docs, rest-api.md and errors.md.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping

import msgspec
from aiohttp import web

from tradestream.simulator import rest
from tradestream.simulator.binance.wire import historical_trade
from tradestream.simulator.faults import Answering
from tradestream.simulator.history import History
from tradestream.simulator.symbols import exchange_of

_WEIGHT_A_MINUTE = 6_000
_WEIGHTS = {
    "/api/v3/ping": 1,
    "/api/v3/time": 1,
    "/api/v3/exchangeInfo": 20,
    "/api/v3/historicalTrades": 25,
}
_MAX_ROWS = 1_000
_ID = re.compile(r"[0-9]{1,20}", re.ASCII)


class BinanceError(Exception):
    """What Binance answers with status 400."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Weights:
    """The request weight that each address has used in the current minute."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._minute = 0
        self._used: dict[str | None, int] = {}

    def use(self, address: str | None, weight: int) -> int:
        """Adds to an address's use; returns what it has used by now."""
        minute = int(self._clock() // 60)
        if minute != self._minute:
            self._minute = minute
            self._used.clear()
        self._used[address] = self._used.get(address, 0) + weight
        return self._used[address]

    def seconds_left(self) -> int:
        """Returns the seconds until the next minute, at least one."""
        return 60 - int(self._clock() % 60)


class Rest:
    """Market data over HTTP."""

    def __init__(self, histories: Mapping[str, History], answering: Answering) -> None:
        self._histories = {name: one for name, one in histories.items() if exchange_of(name) == "binance"}
        self._answering = answering
        self._weights = Weights()

    def routes(self) -> list[web.RouteDef]:
        """Returns what to serve where."""
        handlers = (self._ping, self._time, self._exchange_info, self._historical_trades)
        return [
            rest.get(path, self._accounted(weight, handler), self._answering)
            for (path, weight), handler in zip(_WEIGHTS.items(), handlers, strict=True)
        ]

    def _accounted(self, weight: int, handler: rest.Handler) -> rest.Handler:
        """Returns a handler that counts weights and writes errors."""

        async def account(request: web.Request) -> web.Response:
            used = self._weights.use(request.remote, weight)
            headers = {"X-MBX-USED-WEIGHT-1M": str(used)}
            if used > _WEIGHT_A_MINUTE:
                headers["Retry-After"] = str(self._weights.seconds_left())
                limit = f"current limit is {_WEIGHT_A_MINUTE} request weight per 1 MINUTE"
                return rest.json({"code": -1003, "msg": f"Too much request weight used; {limit}."}, 429, headers)
            try:
                response = await handler(request)
            except BinanceError as error:
                return rest.json({"code": error.code, "msg": str(error)}, 400, headers)
            response.headers.update(headers)
            return response

        return account

    async def _ping(self, _request: web.Request) -> web.Response:
        return rest.json({})

    async def _time(self, request: web.Request) -> web.Response:
        now = time.time_ns()
        return rest.json({"serverTime": now // 1000 if _microseconds(request) else now // 1_000_000})

    async def _exchange_info(self, request: web.Request) -> web.Response:
        wanted = self._wanted(request)
        symbols = [{"symbol": symbol, "status": "TRADING", "isSpotTradingAllowed": True} for symbol in wanted]
        limit = {
            "rateLimitType": "REQUEST_WEIGHT",
            "interval": "MINUTE",
            "intervalNum": 1,
            "limit": _WEIGHT_A_MINUTE,
        }
        now = time.time_ns() // 1_000_000
        return rest.json({"timezone": "UTC", "serverTime": now, "rateLimits": [limit], "symbols": symbols})

    def _wanted(self, request: web.Request) -> list[str]:
        """The symbols asked for by `symbol=A` or `symbols=["A","B"]`; all when neither is given."""
        wanted = list(self._histories)
        if "symbol" in request.query:
            wanted = [request.query["symbol"]]
        elif "symbols" in request.query:
            try:
                wanted = msgspec.json.decode(request.query["symbols"], type=list[str])
            except msgspec.DecodeError as error:
                legal = 'legal range is \'^\\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\\]$\''
                raise BinanceError(-1100, f"Illegal characters found in parameter 'symbols'; {legal}.") from error
        if any(symbol not in self._histories for symbol in wanted):
            raise BinanceError(-1121, "Invalid symbol.")
        return wanted

    async def _historical_trades(self, request: web.Request) -> web.Response:
        symbol = request.query.get("symbol")
        if not symbol:
            raise BinanceError(-1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
        history = self._histories.get(symbol)
        if history is None:
            raise BinanceError(-1121, "Invalid symbol.")
        limit = min(_number(request, "limit") or 500, _MAX_ROWS)
        from_id = _number(request, "fromId")
        rows = history.newest(limit) if from_id is None else history.since(from_id, limit)
        microseconds = _microseconds(request)
        return rest.json([historical_trade(row, microseconds=microseconds) for row in rows])


def _number(request: web.Request, name: str) -> int | None:
    text = request.query.get(name)
    if text is None:
        return None
    if not _ID.fullmatch(text):
        raise BinanceError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'.")
    return int(text)


def _microseconds(request: web.Request) -> bool:
    return request.headers.get("X-MBX-TIME-UNIT", "").upper() == "MICROSECOND"
