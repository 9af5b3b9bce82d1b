from __future__ import annotations

from pathlib import Path

import pytest

from tradestream.errors import ConfigError
from tradestream.kafka import client_config


def write(folder: Path, text: str) -> Path:
    """Writes client properties."""
    path = folder / "client.properties"
    path.write_text(text)
    return path


def test_plaintext_properties_mean_the_same_to_librdkafka(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "# rendered\n! also a comment\n\nbootstrap.servers=a:9092,\\\n  b:9092\n"
        "security.protocol = PLAINTEXT\ndefault.api.timeout.ms=1000\n",
    )
    assert client_config(path) == {"bootstrap.servers": "a:9092,b:9092", "security.protocol": "PLAINTEXT"}


def test_tls_and_scram_are_translated(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "bootstrap.servers=a:9092\n"
        "security.protocol=SASL_SSL\n"
        "sasl.mechanism=SCRAM-SHA-512\n"
        "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required "
        'username="tradestream" password="p=\\"1;";\n'
        "ssl.truststore.type=PEM\n"
        "ssl.truststore.location=/etc/kafka/ca.pem\n"
        "ssl.keystore.type=PEM\n"
        "ssl.keystore.location=/etc/kafka/client.pem\n"
        "ssl.endpoint.identification.algorithm=\n",
    )
    assert client_config(path) == {
        "bootstrap.servers": "a:9092",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "tradestream",
        "sasl.password": 'p="1;',
        "ssl.ca.location": "/etc/kafka/ca.pem",
        "ssl.certificate.location": "/etc/kafka/client.pem",
        "ssl.key.location": "/etc/kafka/client.pem",
        "ssl.endpoint.identification.algorithm": "none",
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "bootstrap.servers: is missing"),
        ("bootstrap.servers=\n", "bootstrap.servers: is missing"),
        ("bootstrap.servers=a:9092\nnonsense\n", "line 2: is not key=value"),
        ("bootstrap.servers=a:9092\nssl.truststore.type=JKS\n", "ssl.truststore.type: JKS is not supported, use PEM"),
        ("bootstrap.servers=a:9092\nssl.protocol=TLSv1.3\n", "ssl.protocol: has no counterpart in librdkafka"),
        ("bootstrap.servers=a:9092\nsasl.jaas.config=x required;\n", 'sasl.jaas.config: needs username="..."'),
    ],
)
def test_what_cannot_be_translated_is_named(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=r"client\.properties") as error:
        client_config(write(tmp_path, text))
    assert reason in str(error.value)


def test_a_password_is_not_in_the_message(tmp_path: Path) -> None:
    path = write(tmp_path, 'bootstrap.servers=a:9092\nsasl.jaas.config=x required password="secret";\n')
    with pytest.raises(ConfigError) as error:
        client_config(path)
    assert "secret" not in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.properties: cannot be read"):
        client_config(tmp_path / "gone.properties")
