"""cryptofeed, unchanged: its Binance feed into its Kafka writer, as its own example puts them together.

It runs in the environment of others' producers.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
from typing import Any

from cryptofeed import FeedHandler
from cryptofeed.backends.kafka import TradeKafka
from cryptofeed.connection import WebsocketEndpoint
from cryptofeed.defines import SPOT, TRADES
from cryptofeed.exchanges import Binance
from cryptofeed.symbols import Symbols


class _OneTopic(TradeKafka):  # type: ignore[misc]
    """Its writer, with one topic for all symbols; `topic` is what it offers for that."""

    def __init__(self, topic: str, **settings: Any) -> None:  # noqa: ANN401 - what aiokafka takes
        super().__init__(**settings)
        self._topic = topic

    def topic(self, data: dict[str, Any]) -> str:  # noqa: ARG002 - its signature
        return self._topic


class _Loopback(Binance):  # type: ignore[misc]
    """Its Binance, without TLS; it takes wss addresses only, but lets them be changed before it connects."""

    async def _ws_authentication(self, address: str, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        return address.replace("wss://", "ws://"), options


def _run(url: str, bootstrap: str, topic: str, symbols: list[str]) -> None:
    logging.getLogger("feedhandler").addHandler(logging.StreamHandler())
    # The symbols' base and quote assets, which the simulator does not tell.
    names = {f"{symbol[:-4]}-{symbol[-4:]}": symbol for symbol in symbols}
    Symbols.set(Binance.id, names, {"instrument_type": dict.fromkeys(names, SPOT)})
    _Loopback.websocket_endpoints = [WebsocketEndpoint(url.replace("ws://", "wss://"), authentication=True)]
    writer = _OneTopic(topic, bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    handler = FeedHandler(config={"uvloop": True, "log": {"disabled": True}})
    handler.add_feed(_Loopback(symbols=list(names), channels=[TRADES], callbacks={TRADES: writer}))
    # The policy of a newer uvloop than it was written for makes no loop by itself.
    asyncio.set_event_loop(asyncio.new_event_loop())
    handler.run()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("bootstrap")
    parser.add_argument("topic")
    parser.add_argument("symbols", nargs="+")
    options = parser.parse_args()
    _run(options.url, options.bootstrap, options.topic, options.symbols)
