"""What /etc/tradestream/kafka-ui.yml may say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from tradestream.config import Address, LogLevel, Section
from tradestream.kafka import CLIENT_PROPERTIES

Url = Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?\Z")]
HostName = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?\Z")]


class KafkaUiConfig(Section, frozen=True, kw_only=True):
    """One web page.

    Attributes:
        listen: where it is served.
        names: the names by which browsers may ask for it, besides localhost and addresses in digits: another name
            may be that of a stranger's page, which has had it point here.
        kafka_client_config: Kafka's client properties, as Java's tools read them.
        broker_metrics: where each broker's own metrics are; sizes and the controller come from there.
        job_metrics: where the Spark job's metrics are; how far it has read comes from there.
        log_level: the lowest level that is logged.
    """

    listen: Address = Address(address="127.0.0.1", port=8080)
    names: tuple[HostName, ...] = ()
    kafka_client_config: Path = CLIENT_PROPERTIES
    broker_metrics: tuple[Url, ...] = ()
    job_metrics: Url | None = None
    log_level: LogLevel = "info"
