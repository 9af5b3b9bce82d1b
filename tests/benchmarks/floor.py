"""What the least is: trades from Binance's frames into Kafka, and nothing else.

No gap is seen and nothing fetched, no id followed, no field checked, nothing reconnected, no confirmation looked at.
"""

from __future__ import annotations

import argparse
import itertools

import msgspec
import uvloop
from confluent_kafka import Producer
from websockets.asyncio.client import connect

_POLLED = 1000


class _Data(msgspec.Struct, gc=False):
    symbol: str = msgspec.field(name="s")
    trade_id: int = msgspec.field(name="t")
    price: str = msgspec.field(name="p")
    quantity: str = msgspec.field(name="q")
    trade_time: int = msgspec.field(name="T")
    buyer_is_maker: bool = msgspec.field(name="m")


class _Frame(msgspec.Struct, gc=False):
    data: _Data


class _Trade(msgspec.Struct, gc=False):
    exchange: str
    symbol: str
    price: str
    quantity: str
    trade_time: int
    buyer_is_maker: bool
    trade_id: int


async def _run(url: str, bootstrap: str, topic: str) -> None:
    settings = {"bootstrap.servers": bootstrap, "enable.idempotence": True, "acks": "all"}
    producer = Producer({**settings, "compression.type": "lz4", "linger.ms": 5})
    decode, encode = msgspec.json.Decoder(_Frame).decode, msgspec.json.Encoder().encode
    async with connect(url, compression=None, ping_interval=None, max_queue=256) as socket:
        for number in itertools.count():
            its = decode(await socket.recv(decode=False)).data
            trade = _Trade(
                "binance", its.symbol, its.price, its.quantity, its.trade_time, its.buyer_is_maker, its.trade_id
            )
            producer.produce(topic, encode(trade), trade.symbol)
            if number % _POLLED == 0:
                producer.poll(0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("bootstrap")
    parser.add_argument("topic")
    options = parser.parse_args()
    uvloop.run(_run(options.url, options.bootstrap, options.topic))
