"""Each exchange's REST interface as a function over the trades it knows, and gaps walked with it page by page."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradestream.errors import RejectedError, TransientError
from tradestream.exchange import EXCHANGES, Exchange
from tradestream.exchange.binance import Binance
from tradestream.exchange.coinbase import Coinbase
from tradestream.exchange.kraken import Kraken
from tradestream.exchange.repair import Gap
from unit.exchange.contract import NOW, walk

START_NS = 1_688_669_597_827_736_912


class Issued(NamedTuple):
    """A trade that an exchange made."""

    trade_id: int
    time_ns: int


@dataclass
class Rest:
    """The exchange's side: trades by rising id, of which it knows those up to `newest`."""

    issued: Sequence[Issued]
    newest: int
    inclusive: bool = False

    @property
    def known(self) -> list[Issued]:
        """The trades that it knows."""
        return [trade for trade in self.issued if trade.trade_id <= self.newest]

    def binance(self, url: str) -> bytes:
        """GET /api/v3/historicalTrades."""
        query = _query(url)
        rows = [trade for trade in self.known if trade.trade_id >= int(query["fromId"])][: int(query["limit"])]
        assert int(query["limit"]) <= 1000
        row = {"price": "4.00000100", "qty": "12.00000000", "quoteQty": "48.000012", "isBestMatch": True}
        return json.dumps(
            [
                {"id": trade.trade_id, "time": trade.time_ns // 10**6, "isBuyerMaker": trade.trade_id % 2 == 0, **row}
                for trade in rows
            ]
        ).encode()

    def coinbase(self, url: str) -> bytes:
        """GET /products/{id}/trades."""
        query = _query(url)
        limit = int(query["limit"])
        assert 1 <= limit <= 1000
        rows = [trade for trade in self.known if trade.trade_id < int(query["after"])][-limit:][::-1]
        return json.dumps(
            [
                {
                    "trade_id": trade.trade_id,
                    "side": "buy" if trade.trade_id % 2 == 0 else "sell",
                    "size": "0.01000000",
                    "price": "10.00000000",
                    "time": _iso(trade.time_ns),
                }
                for trade in rows
            ]
        ).encode()

    def kraken(self, url: str) -> bytes:
        """GET /0/public/Trades."""
        query = _query(url)
        since = int(query["since"]) - self.inclusive
        rows = [trade for trade in self.known if trade.time_ns > since][: int(query["count"])]
        listed = ", ".join(
            f'["30243.40000","0.34507674",{trade.time_ns // 10**9}.{trade.time_ns % 10**9:09d},'
            f'"{"s" if trade.trade_id % 2 == 0 else "b"}","m","",{trade.trade_id}]'
            for trade in rows
        )
        last = rows[-1].time_ns if rows else since
        return f'{{"error":[],"result":{{"XXBTZUSD":[{listed}],"last":"{last}"}}}}'.encode()


def _query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def _iso(time_ns: int) -> str:
    seconds, rest = divmod(time_ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"


ASK: dict[str, Callable[[Rest, str], bytes]] = {
    "binance": Rest.binance,
    "coinbase": Rest.coinbase,
    "kraken": Rest.kraken,
}


def history(seed: int, count: int, holes: float, burst: float) -> list[Issued]:
    """Trades with rising ids, `holes` of them left out, and a share of `burst` in the same nanosecond as the last."""
    random = Random(seed)  # noqa: S311 - test data
    trades, time_ns = [], START_NS
    for trade_id in range(1, count + 1):
        if random.random() >= burst:
            time_ns += random.choice((1, 700, 10**6, 10**8))
        if random.random() >= holes:
            trades.append(Issued(trade_id, time_ns))
    return trades


def gap_after(before: Issued, last_id: int) -> Gap:
    return Gap("BTCUSD", before.trade_id + 1, last_id, before.time_ns // 1000)


@pytest.mark.parametrize("name", EXCHANGES)
@settings(max_examples=100)
@given(data=st.data())
def test_a_gap_is_filled_with_exactly_what_was_issued(name: str, data: st.DataObject) -> None:
    exchange = EXCHANGES[name]()
    holes = data.draw(st.sampled_from([0.0, 0.01, 0.3]), "holes")
    issued = history(data.draw(st.integers(0, 2**32), "seed"), 3000, holes, data.draw(st.sampled_from([0.0, 0.9])))
    before = data.draw(st.integers(0, len(issued) - 3), "before")
    after = data.draw(st.integers(before + 2, min(len(issued) - 1, before + 2500)), "after")
    gap = gap_after(issued[before], issued[after].trade_id - 1)
    rest = Rest(issued, issued[data.draw(st.integers(before, len(issued) - 1), "newest")].trade_id)
    rest.inclusive = data.draw(st.booleans(), "inclusive")

    trades, unknown = walk(exchange, gap, lambda url: ASK[name](rest, url), gap.count // 400 + 4)

    expected = [trade for trade in rest.known if gap.first_id <= trade.trade_id <= gap.last_id]
    assert [trade.trade_id for trade in trades] == [trade.trade_id for trade in expected]
    assert [trade.trade_time for trade in trades] == [trade.time_ns // 10**6 for trade in expected]
    assert all(trade.buyer_is_maker == (trade.trade_id % 2 == 0) for trade in trades)
    if rest.newest >= gap.last_id:
        assert unknown is None
    else:
        assert unknown is not None
        assert (unknown.first_id, unknown.last_id) == (max(rest.newest + 1, gap.first_id), gap.last_id)


@pytest.mark.parametrize("name", EXCHANGES)
def test_ids_that_the_exchange_does_not_know_yet_stay_as_they_are(name: str) -> None:
    exchange = EXCHANGES[name]()
    issued = history(1, 100, 0, 0)
    rest = Rest(issued, issued[-1].trade_id)
    gap = gap_after(issued[-1], 250)
    page = exchange.parse_repair(ASK[name](rest, exchange.repair_url(exchange.url, gap)), gap, NOW)
    assert (list(page.trades), page.rest) == ([], gap)


@pytest.mark.parametrize("name", EXCHANGES)
def test_what_was_not_known_is_asked_for_again(name: str) -> None:
    exchange = EXCHANGES[name]()
    issued = history(1, 300, 0, 0)
    rest = Rest(issued, 150)
    first, unknown = walk(exchange, gap_after(issued[99], 249), lambda url: ASK[name](rest, url), 3)
    assert unknown is not None
    rest.newest = 300
    second, nothing = walk(exchange, unknown, lambda url: ASK[name](rest, url), 3)
    assert nothing is None
    assert [trade.trade_id for trade in first + second] == list(range(101, 250))


@pytest.mark.parametrize("exchange", [Binance(), Kraken()])
def test_thousands_of_ids_in_a_row_that_were_never_issued_are_told_from_missing_ones(exchange: Exchange) -> None:
    issued = [trade for trade in history(1, 6000, 0, 0) if not 1000 < trade.trade_id < 5000]
    rest = Rest(issued, 6000)
    trades, unknown = walk(exchange, gap_after(issued[899], 5100), lambda url: ASK[exchange.name](rest, url), 4)
    assert unknown is None
    assert [trade.trade_id for trade in trades] == [*range(901, 1001), *range(5000, 5101)]


def test_coinbase_makes_nothing_up_about_a_thousand_ids_in_a_row_that_were_never_issued() -> None:
    issued = [trade for trade in history(1, 6000, 0, 0) if not 1000 < trade.trade_id < 5000]
    rest = Rest(issued, 6000)
    trades, unknown = walk(Coinbase(), gap_after(issued[899], 5100), rest.coinbase, 4)
    assert [trade.trade_id for trade in trades] == list(range(901, 1001))
    assert unknown is not None
    assert (unknown.first_id, unknown.last_id) == (1001, 5100)


@pytest.mark.parametrize("name", ["coinbase", "kraken"])
def test_an_answer_that_does_not_reach_back_to_the_gap_proves_nothing(name: str) -> None:
    exchange = EXCHANGES[name]()
    issued = history(1, 300, 0, 0)
    rest = Rest([trade for trade in issued if trade.trade_id > 120], 300)
    gap = gap_after(issued[99], 249)
    body = ASK[name](rest, exchange.repair_url(exchange.url, gap))
    with pytest.raises(RejectedError, match="begins at 121, the gap at 101"):
        exchange.parse_repair(body, gap, NOW)


def test_a_full_answer_of_kraken_that_ends_before_the_gap_is_gone_on_with() -> None:
    issued = [Issued(trade_id, START_NS + trade_id // 500 * 2000) for trade_id in range(1, 5001)]
    gap = Gap("BTC/USD", 4501, 4600, (START_NS + 4500 // 500 * 2000) // 1000)
    trades, unknown = walk(Kraken(), gap, Rest(issued, 5000).kraken, 10)
    assert unknown is None
    assert [trade.trade_id for trade in trades] == list(range(4501, 4601))


def test_more_trades_of_kraken_in_one_moment_than_an_answer_holds_end_the_walk() -> None:
    issued = [Issued(trade_id, START_NS) for trade_id in range(1, 5001)]
    trades, unknown = walk(Kraken(), Gap("BTC/USD", 4501, 4600, START_NS // 1000), Rest(issued, 5000).kraken, 3)
    assert not trades
    assert unknown is not None
    assert (unknown.first_id, unknown.last_id) == (4501, 4600)


GAP = Gap("BTC/USD", 61044953, 61044954, 1_688_669_597_827_736)


def test_kraken_is_asked_again_later_when_it_says_so() -> None:
    for error in ("EAPI:Rate limit exceeded", "EService:Unavailable", "EGeneral:Too many requests"):
        with pytest.raises(TransientError, match=error):
            Kraken().parse_repair(json.dumps({"error": [error]}).encode(), GAP, NOW)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"error":["EQuery:Unknown asset pair"]}', "unexpected_message"),
        (b'{"error":[],"result":{"XXBTZUSD":[["1","1",-1.5,"b","m","",1]],"last":"1"}}', "invalid_value"),
        (b'{"error":[],"result":{"XXBTZUSD":[["1","1","1.5","b","m","",1]],"last":"1"}}', "wrong_type"),
        (b'{"error":[],"result":{"XXBTZUSD":[["-1","1",1.5,"b","m","",1]],"last":"1"}}', "invalid_value"),
        (b'{"error":[],"result":{"XXBTZUSD":[["1","1",1.5,"x","m","",1]],"last":"1"}}', "invalid_value"),
        (b'{"error":[],"result":{"XXBTZUSD":[["1","1",1.5,"b","m",""]],"last":"1"}}', "wrong_type"),
        (b"<html>", "malformed_json"),
    ],
)
def test_an_answer_of_kraken_that_cannot_be_read_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(RejectedError) as refused:
        Kraken().parse_repair(body, GAP, NOW)
    assert refused.value.reason == reason


@pytest.mark.parametrize("exchange", [Binance(), Coinbase()])
@pytest.mark.parametrize("body", [b'{"code":-1121,"msg":"Invalid symbol."}', b'{"message":"NotFound"}', b""])
def test_an_error_is_no_answer_to_a_gap(exchange: Exchange, body: bytes) -> None:
    with pytest.raises(RejectedError):
        exchange.parse_repair(body, GAP, NOW)
