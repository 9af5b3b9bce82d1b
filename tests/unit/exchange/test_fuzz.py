"""Whatever an exchange sends: it is read, or refused with a reason, and never becomes a price that is none."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tradestream.errors import TransientError
from tradestream.exchange import EXCHANGES
from tradestream.exchange.repair import Gap
from unit.exchange.contract import NOW, check, json_values, outcome, paths, read_frame, replaced

BINANCE = (
    b'{"stream":"bnbbtc@trade","data":{"e":"trade","E":1672515782136,"s":"BNBBTC","t":12345,"p":"0.001","q":"100",'
    b'"T":1672515782136,"m":true,"M":true}}'
)
BINANCE_QUOTE = (
    b'{"stream":"bnbusdt@bookTicker","data":{"u":400900217,"s":"BNBUSDT","b":"25.35190000","B":"31.21000000",'
    b'"a":"25.36520000","A":"40.66000000"}}'
)
COINBASE = (
    b'{"type":"match","trade_id":82047307,"maker_order_id":"a","taker_order_id":"b","side":"sell",'
    b'"size":"0.00513192","price":"9314.78","product_id":"BTC-USD","sequence":12038915443,'
    b'"time":"2020-01-31T20:03:41.158814Z"}'
)
KRAKEN = (
    b'{"channel":"trade","type":"update","data":[{"symbol":"MATIC/USD","side":"sell","price":0.5117,"qty":40.0,'
    b'"ord_type":"market","trade_id":4665906,"timestamp":"2023-09-25T07:49:37.708706Z"}]}'
)
FRAMES = {
    "binance": [
        BINANCE,
        BINANCE_QUOTE,
        b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}',
        b'{"result":null,"id":1}',
    ],
    "coinbase": [
        COINBASE,
        b'{"type":"subscriptions","channels":[{"name":"matches","product_ids":["BTC-USD"]}]}',
        b'{"type":"error","message":"Failed to subscribe","reason":"BTC-FOO is not a valid product"}',
    ],
    "kraken": [
        KRAKEN,
        b'{"method":"subscribe","result":{"channel":"trade","snapshot":false,"symbol":"BTC/USD"},"success":true}',
        b'{"error":"Currency pair not supported XBT/USDC","method":"subscribe","success":false}',
        b'{"channel":"heartbeat"}',
    ],
}
ROWS = {
    "binance": b'[{"id":8,"price":"4.00000100","qty":"12.00000000","quoteQty":"48.000012","time":1499865549590,'
    b'"isBuyerMaker":true,"isBestMatch":true}]',
    "coinbase": b'[{"trade_id":8,"side":"sell","size":"0.01000000","price":"10.00000000",'
    b'"time":"2014-11-07T22:19:28.578544Z"}]',
    "kraken": b'{"error":[],"result":{"XXBTZUSD":[["30243.40000","0.34507674",1688669597.8277369,"b","m","",8]],'
    b'"last":"1688671969993150842"}}',
}
GAP = Gap("BTC-USD", 8, 9, 1_688_669_597_827_736)

each_exchange = pytest.mark.parametrize("name", EXCHANGES)
each_frame = pytest.mark.parametrize(("name", "frame"), [(name, one) for name, some in FRAMES.items() for one in some])

numbers = st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)


@each_exchange
@given(data=st.binary(max_size=300))
@example(data=b"[" * 100_000)
@example(data=b'{"channel":"trade","data":' + b"[" * 100_000)
def test_bytes_are_refused(name: str, data: bytes) -> None:
    exchange = EXCHANGES[name]()
    assert outcome(lambda: exchange.parse(data, NOW)) not in ("read", "shutdown", "refused")
    assert outcome(lambda: exchange.parse_repair(data, GAP, NOW)) != "refused"


@each_exchange
@given(value=json_values)
def test_any_json_is_read_or_refused(name: str, value: object) -> None:
    exchange = EXCHANGES[name]()
    outcome(lambda: read_frame(exchange, json.dumps(value).encode()))


@each_frame
@given(data=st.data())
def test_any_value_in_any_place_is_read_or_refused(name: str, frame: bytes, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(list(paths(json.loads(frame)))))
    exchange = EXCHANGES[name]()
    outcome(lambda: read_frame(exchange, replaced(frame, path, data.draw(json_values))))


@each_frame
@given(data=st.data())
def test_a_wrong_byte_is_read_or_refused(name: str, frame: bytes, data: st.DataObject) -> None:
    damaged = bytearray(frame)
    damaged[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    exchange = EXCHANGES[name]()
    outcome(lambda: read_frame(exchange, bytes(damaged)))


@each_frame
@given(data=st.data())
def test_half_a_frame_is_refused(name: str, frame: bytes, data: st.DataObject) -> None:
    part = frame[: data.draw(st.integers(0, len(frame) - 1))]
    assert outcome(lambda: read_frame(EXCHANGES[name](), part)) == "malformed_json"


@each_exchange
@given(number=numbers | st.sampled_from(["NaN", "Infinity", "-Infinity", "-0", "0e5", "1e-400", "1e999999999"]))
def test_a_price_is_a_number_above_zero_however_it_is_written(name: str, number: str) -> None:
    frame = FRAMES[name][0]
    exchange = EXCHANGES[name]()
    for written in (number.encode(), b'"%s"' % number.encode()):
        for price in (b'"0.001"', b'"9314.78"', b"0.5117"):
            outcome(lambda: read_frame(exchange, frame.replace(price, written)))  # noqa: B023 - called at once


@each_exchange
@given(data=st.data())
def test_any_value_in_an_answer_about_a_gap_is_read_or_refused(name: str, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(list(paths(json.loads(ROWS[name])))))
    body = replaced(ROWS[name], path, data.draw(json_values))

    def read() -> None:
        for trade in EXCHANGES[name]().parse_repair(body, GAP, NOW).trades:
            check(trade)

    try:
        assert outcome(read) not in ("refused", "shutdown")
    except TransientError:
        assert name == "kraken"


@each_exchange
@given(status=st.sampled_from([200, 400, 404, 429, 500]), value=json_values | st.binary(max_size=100))
def test_any_answer_about_symbols_is_read_or_refused(name: str, status: int, value: object) -> None:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    assert outcome(lambda: EXCHANGES[name]().unknown_symbols(status, body, ["BTC-USD"])) not in ("refused", "shutdown")
