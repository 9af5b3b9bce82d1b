"""Trades made in advance are what the exchange would have sent."""

from __future__ import annotations

import itertools

from benchmarks.feed import Tape
from tradestream.exchange.binance import Binance
from tradestream.simulator.binance.wire import BinanceWriter
from tradestream.trade import Trade

STREAMS = ["btcusdt@trade", "ethusdt@trade", "xrpusdt@trade"]


def payloads(data: bytes) -> list[bytes]:
    """Takes frames of 126 to 65,535 bytes apart."""
    found = []
    while data:
        assert data[:2] == b"\x81\x7e"
        end = 4 + int.from_bytes(data[2:4])
        found.append(data[4:end])
        data = data[end:]
    return found


def test_each_symbol_has_rising_ids_however_many_trades_are_asked_for_at_once() -> None:
    tape = Tape(BinanceWriter(combined=True, microseconds=True), STREAMS)
    parsed = []
    for most in (1, 7, 290, 10_000, 3):
        data, count = tape.next(most)
        assert 0 < count <= most
        some = [trade for frame in payloads(data) for trade in Binance().parse(frame, 0)]
        assert len(some) == count
        parsed += some
    trades = [each for each in parsed if isinstance(each, Trade)]
    for symbol in ("BTCUSDT", "ETHUSDT", "XRPUSDT"):
        ids = [trade.trade_id for trade in trades if trade.symbol == symbol]
        assert all(second == first + 1 for first, second in itertools.pairwise(ids))
    assert all(trade.trade_time_us for trade in trades)


def test_a_client_that_asks_for_aggregate_trades_gets_these_in_milliseconds() -> None:
    data, _ = Tape(BinanceWriter(combined=True, microseconds=False), ["btcusdt@aggTrade"]).next(1)
    frame = payloads(data)[0].decode()
    assert frame.startswith('{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1')
    assert '"s":"BTCUSDT","a":1000000000,' in frame
