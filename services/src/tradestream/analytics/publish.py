"""Candles and signals on their topics: JSON as the contract has it, decimals as plain strings with every digit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Literal

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from tradestream.analytics.candles import Update
from tradestream.analytics.intervals import interval_name
from tradestream.analytics.layout import CANDLE
from tradestream.errors import DeliveryError

_FLUSH_SECONDS = 60
_DECIMALS = [name for name, kind in CANDLE.items() if kind.startswith("decimal")]


def fields(update: Update) -> dict[str, Any]:
    """A candle's fields in the contract's order, but for ``is_closed``; decimals as `Decimal`.

    ``close_time`` is the window's last millisecond, as Binance has it.
    """
    candle = update.candle
    return {
        "exchange": update.key.exchange,
        "symbol": update.key.symbol,
        "interval": interval_name(update.interval),
        "open_time": candle.open_time,
        "close_time": candle.open_time + update.interval - 1,
        "open": candle.open,
        "high": candle.high,
        "low": candle.low,
        "close": candle.close,
        "volume": candle.volume,
        "quote_volume": candle.quote_volume,
        "vwap": candle.vwap,
        "trade_count": candle.trade_count,
        "buy_volume": candle.buy_volume,
        "sell_volume": candle.sell_volume,
        "price_change": candle.price_change,
        "price_change_percent": candle.price_change_percent,
        "first_trade_id": candle.first_trade_id,
        "last_trade_id": candle.last_trade_id,
        "missing_trades": update.missing_trades,
    }


def plain(value: Decimal) -> str:
    """A decimal in plain notation without trailing zeros."""
    text = str(value)
    if "E" in text:  # of what is tiny; a text without it takes half the time of one that is told to be plain
        text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


_encoder = msgspec.json.Encoder()


class Outgoing(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A message to publish.

    Attributes:
        key: Its key.
        value: Its value.
        kind: Which of the job's topics it is for.
        signal_id: Of a signal, which leaves once: see `sent.Sent`.
    """

    key: bytes
    value: bytes
    kind: Literal["candle", "signal"] = "candle"
    signal_id: str | None = None


def message(update: Update) -> Outgoing:
    """A candle's message."""
    values = fields(update)
    key = f"{values['exchange']}:{values['symbol']}:{values['interval']}"
    for name in _DECIMALS:
        values[name] = plain(values[name])
    values["is_closed"] = update.is_closed
    return Outgoing(key.encode(), _encoder.encode(values))


class Topics:
    """The topics that candles and signals go to.

    Args:
        client: librdkafka's configuration of the cluster.
        candles: Name of the one.
        signals: Name of the other.
    """

    def __init__(self, client: Mapping[str, str], candles: str, signals: str) -> None:
        self._names = {"candle": candles, "signal": signals}
        self._failure: str | None = None
        self._producer = Producer(
            {
                **client,
                "enable.idempotence": True,
                "acks": "all",
                "compression.type": "lz4",
                "linger.ms": 5,
                "log_level": 2,  # what is not delivered is told by `publish`
            }
        )

    def publish(self, messages: Iterable[Outgoing]) -> None:
        """Produce messages and wait until the brokers have them all.

        Raises:
            DeliveryError: One was not delivered.
        """
        for each in messages:
            self._produce(self._names[each.kind], each)
        left = self._producer.flush(_FLUSH_SECONDS)
        if self._failure:
            raise DeliveryError(self._failure)
        if left:
            names = ", ".join(self._names.values())
            raise DeliveryError(f"topics {names}: {left} messages unconfirmed after {_FLUSH_SECONDS} s")

    def _produce(self, topic: str, each: Outgoing) -> None:
        while True:
            try:
                self._producer.produce(topic, each.value, each.key, on_delivery=self._delivered)
            except BufferError:  # the local queue is full: let it drain
                self._producer.poll(1)
            except KafkaException as error:
                raise DeliveryError(f"topic {topic}: {error.args[0].str()}") from error
            else:
                return

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None and self._failure is None:
            self._failure = f"topic {message.topic()}: {error.str()}"
