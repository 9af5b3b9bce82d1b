"""The check of certificates, as its unit starts it."""

from __future__ import annotations

import ssl
import subprocess
import sys
from pathlib import Path

import pytest

CHECK = Path(__file__).parents[3] / "roles/node_exporter/files/check_certificates.py"


def certificate(path: Path, days: int) -> int:
    """Writes a certificate, key and all, that ends in that many days; returns when, in seconds since 1970."""
    made = subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=a",
            "-keyout",
            "-",
            "-days",
            str(days),
        ],
        capture_output=True,
        check=True,
        timeout=60,
    )
    path.write_bytes(made.stdout)
    end = subprocess.run(["openssl", "x509", "-noout", "-enddate"], input=made.stdout, capture_output=True, check=True)
    return ssl.cert_time_to_seconds(end.stdout.decode().strip().removeprefix("notAfter="))


def check(directory: Path, *paths: Path) -> tuple[list[str], str]:
    """Returns the metrics that it writes, and what it says."""
    output = directory / "certificates.prom"
    done = subprocess.run(
        [sys.executable, CHECK, output, *paths], capture_output=True, text=True, check=True, timeout=60
    )
    assert [path.name for path in directory.glob("certificates*")] == [output.name]
    return [line for line in output.read_text().splitlines() if not line.startswith("#")], done.stderr


def test_it_writes_when_a_certificate_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.pem"
    end = certificate(path, 3)
    assert check(tmp_path, path) == (
        [
            f'certificate_readable{{path="{path}"}} 1',
            f'certificate_not_after_timestamp_seconds{{path="{path}"}} {end}',
        ],
        "",
    )


def test_of_a_chain_the_one_counts_that_ends_first(tmp_path: Path) -> None:
    parts = [tmp_path / name for name in ("leaf", "intermediate", "root")]
    ends = [certificate(part, days) for part, days in zip(parts, (90, 3, 900), strict=True)]
    chain = tmp_path / "chain.pem"
    chain.write_bytes(b"".join(part.read_bytes() for part in parts))
    metrics, _ = check(tmp_path, chain)
    assert metrics[-1].split()[-1] == str(ends[1])


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"\x00\xff" * 600_000,
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ],
    ids=["absent", "empty", "binary", "a key", "damaged"],
)
def test_what_cannot_be_read_is_told_beside_what_can(tmp_path: Path, content: bytes | None) -> None:
    wrong, right = tmp_path / "wrong.pem", tmp_path / "right.pem"
    if content is not None:
        wrong.write_bytes(content)
    certificate(right, 3)
    metrics, said = check(tmp_path, wrong, right)
    assert metrics[:2] == [f'certificate_readable{{path="{wrong}"}} 0', f'certificate_readable{{path="{right}"}} 1']
    assert [line.split("{")[0] for line in metrics[2:]] == ["certificate_not_after_timestamp_seconds"]
    assert said.startswith(f"<4>{wrong}: ")
    assert len(said.splitlines()) == 1


def test_a_chain_with_a_damaged_part_is_not_taken_for_whole(tmp_path: Path) -> None:
    path = tmp_path / "chain.pem"
    certificate(path, 90)
    path.write_bytes(path.read_bytes() + b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    metrics, _ = check(tmp_path, path)
    assert metrics == [f'certificate_readable{{path="{path}"}} 0']
