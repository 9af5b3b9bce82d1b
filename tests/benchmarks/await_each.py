"""The first producer that one would write: each trade is sent, and its confirmation awaited, before the next is read.

It runs in the environment of others' producers.
"""

from __future__ import annotations

import argparse
import asyncio
import json

from aiokafka import AIOKafkaProducer
from websockets.asyncio.client import connect


async def _run(url: str, bootstrap: str, topic: str) -> None:
    async with (
        AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True) as producer,
        connect(url, compression=None, ping_interval=None) as socket,
    ):
        async for frame in socket:
            data = json.loads(frame)["data"]
            trade = {
                "symbol": data["s"],
                "trade_id": data["t"],
                "price": data["p"],
                "quantity": data["q"],
                "trade_time": data["T"],
                "buyer_is_maker": data["m"],
            }
            await producer.send_and_wait(topic, json.dumps(trade).encode(), data["s"].encode())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("bootstrap")
    parser.add_argument("topic")
    options = parser.parse_args()
    asyncio.run(_run(options.url, options.bootstrap, options.topic))
