"""Kafka's client properties, written for Java, as librdkafka wants them.

Every client on a host reads the same file, so that turning on TLS or SASL changes that file and no program.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tradestream.errors import ConfigError

CLIENT_PROPERTIES = Path("/etc/kafka/client.properties")

_SAME = frozenset(
    {
        "bootstrap.servers",
        "client.dns.lookup",
        "client.id",
        "security.protocol",
        "sasl.mechanism",
        "ssl.endpoint.identification.algorithm",
        "ssl.key.password",
    }
)
_RENAMED = {
    "ssl.truststore.location": ("ssl.ca.location",),
    # A PEM key store holds the certificates and the key in one file.
    "ssl.keystore.location": ("ssl.certificate.location", "ssl.key.location"),
}
_STORE_TYPES = ("ssl.truststore.type", "ssl.keystore.type")
_SECURITY = ("ssl.", "sasl.", "security.")
_JAAS = re.compile(r'\b(username|password)="((?:[^"\\]|\\.)*)"')


def client_config(path: Path) -> dict[str, str]:
    """Reads a Java properties file into librdkafka's configuration.

    What has no meaning for librdkafka (timeouts of Java's admin client and the like) is left out, but a
    security setting that cannot be translated is an error: dropping it could open what should be closed.

    Raises:
        ConfigError: the file cannot be read, lacks bootstrap.servers or asks for what librdkafka cannot do.
    """
    properties = read_properties(path)
    if not properties.get("bootstrap.servers"):
        raise ConfigError(f"{path}: bootstrap.servers: is missing")
    config: dict[str, str] = {}
    for key, value in properties.items():
        config.update(_translate(path, key, value))
    return config


def lossless(client: Mapping[str, str], name: str, queue_messages: int) -> dict[str, object]:
    """Returns the settings of a client that sends trades: each once, in order, confirmed by all replicas in sync.

    Args:
        client: Kafka's client properties, see `client_config`.
        name: the client's id where they name none.
        queue_messages: how many messages may wait to be confirmed.
    """
    return {
        "client.id": name,
        **client,
        "acks": "all",
        "enable.idempotence": True,
        "compression.type": "lz4",
        "linger.ms": 5,
        "queue.buffering.max.messages": queue_messages,
        # A trade waits for its broker as long as it takes: what bounds the queue is its length.
        "message.timeout.ms": 0,
    }


def groupless(client: Mapping[str, str], group: str) -> dict[str, object]:
    """Returns the settings of a consumer that reads as no consumer group: nothing is committed.

    Args:
        client: Kafka's client properties, see `client_config`.
        group: a group has to be named, and is never used.
    """
    return {
        **client,
        "group.id": group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "log_level": 2,
    }


def _translate(path: Path, key: str, value: str) -> dict[str, str]:
    if key in _SAME:
        return {key: value or "none"}
    if key in _RENAMED:
        return dict.fromkeys(_RENAMED[key], value)
    if key in _STORE_TYPES:
        if value.upper() != "PEM":
            raise ConfigError(f"{path}: {key}: {value} is not supported, use PEM")
        return {}
    if key == "sasl.jaas.config":
        return _credentials(path, value)
    if key.startswith(_SECURITY):
        raise ConfigError(f"{path}: {key}: has no counterpart in librdkafka")
    return {}


def _credentials(path: Path, jaas: str) -> dict[str, str]:
    found = {name: re.sub(r"\\(.)", r"\1", value) for name, value in _JAAS.findall(jaas)}
    if found.keys() != {"username", "password"}:
        raise ConfigError(f'{path}: sasl.jaas.config: needs username="..." and password="..."')
    return {f"sasl.{name}": value for name, value in found.items()}


def read_properties(path: Path) -> dict[str, str]:
    """Reads `key=value` lines; a backslash at a line's end continues it, # and ! begin comments.

    Raises:
        ConfigError: the file cannot be read or a line is not key=value.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    properties = {}
    for number, line in enumerate(re.sub(r"\\\n\s*", "", text).splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith(("#", "!")):
            continue
        key, separator, value = line.partition("=")
        if not separator:
            raise ConfigError(f"{path}: line {number}: is not key=value")
        properties[key.strip()] = re.sub(r"\\([\\:=#!])", r"\1", value.strip())
    return properties
