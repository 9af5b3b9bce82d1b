#!/usr/bin/python3
"""Writes when certificates end, as node exporter's textfile collector reads it: check_certificates.py OUTPUT FILE...

A FILE is PEM. Of several certificates in it that counts which ends first: a chain is no better than its weakest part.
"""

import re
import ssl
import subprocess
import sys
from pathlib import Path

MAX_BYTES = 1 << 20
OPENSSL_SECONDS = 10
CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def read_end(certificate: bytes) -> int:
    """Return when a certificate ends, in seconds since 1970.

    Raises:
        SubprocessError: openssl does not take it for one.
    """
    command = ["openssl", "x509", "-noout", "-enddate"]
    done = subprocess.run(command, input=certificate, capture_output=True, check=True, timeout=OPENSSL_SECONDS)
    return ssl.cert_time_to_seconds(done.stdout.decode().strip().removeprefix("notAfter="))


def first_end(path: str) -> int | None:
    """Return when the first of a file's certificates ends; None, and a line for the journal, where nobody can tell."""
    try:
        with Path(path).open("rb") as file:
            found = CERTIFICATE.findall(file.read(MAX_BYTES))
        if found:
            return min(map(read_end, found))
        why: object = "no certificate is in it"
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        why = error
    print(f"<4>{path}: {why}", file=sys.stderr)  # to the journal a warning
    return None


def render(ends: dict[str, int | None]) -> str:
    """Return the metrics, where `ends` has the end by path."""
    lines = ["# TYPE certificate_readable gauge"]
    lines += [f'certificate_readable{{path="{path}"}} {int(end is not None)}' for path, end in ends.items()]
    lines += ["# TYPE certificate_not_after_timestamp_seconds gauge"]
    lines += [
        f'certificate_not_after_timestamp_seconds{{path="{path}"}} {end}'
        for path, end in ends.items()
        if end is not None
    ]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    output = Path(sys.argv[1])
    new = output.with_suffix(".new")
    new.write_text(render({path: first_end(path) for path in sys.argv[2:]}))
    new.replace(output)  # the exporter sees the old or the new, and never half of one
