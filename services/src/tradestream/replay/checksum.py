"""The SHA-256 that Binance publishes beside a dump: `X.zip.CHECKSUM` with `<sha256>  <name>`."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from tradestream.errors import DumpError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LINE = re.compile(r"([0-9A-Fa-f]{64})(?:\s.*)?", re.ASCII | re.DOTALL)
_BLOCK_BYTES = 1 << 20


def verify(path: Path, progress: Callable[[int], None]) -> bool:
    """Holds a dump against the checksum beside it.

    Args:
        path: the dump.
        progress: is told how many bytes were read, a block at a time.

    Returns:
        Whether there is a checksum.

    Raises:
        DumpError: the dump is another than the checksum's, or one of both cannot be read.
    """
    beside = path.with_name(f"{path.name}.CHECKSUM")
    try:
        match = _LINE.fullmatch(beside.read_text(encoding="ascii", errors="replace").strip())
    except FileNotFoundError:
        return False
    except OSError as error:
        raise DumpError(f"{beside}: cannot be read: {error.strerror or error}") from error
    if match is None:
        raise DumpError(f"{beside}: does not begin with a SHA-256: fetch it again, or remove it to go on without")
    found = _sha256(path, progress)
    if found != match[1].lower():
        raise DumpError(f"{path}: its SHA-256 is {found}, {beside.name} says {match[1].lower()}: fetch both again")
    return True


def _sha256(path: Path, progress: Callable[[int], None]) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
                progress(len(block))
    except OSError as error:
        raise DumpError(f"{path}: cannot be read: {error.strerror or error}") from error
    return digest.hexdigest()
