"""The SHA-256 that Binance publishes beside a dump: `X.zip.CHECKSUM` with `<sha256>  <name>`."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from tradestream.errors import DumpError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from tradestream.replay.files import Dump
    from tradestream.replay.show import Show

_LINE = re.compile(r"([0-9A-Fa-f]{64})(?:\s.*)?", re.ASCII | re.DOTALL)
_BLOCK_BYTES = 1 << 20


def verify_all(dumps: Collection[Dump], show: Show, turn: Callable[[], None]) -> None:
    """Holds each dump against the checksum beside it, and says of which zip there is none.

    Args:
        dumps: the dumps.
        show: where it is shown how far it is.
        turn: called after each block, and may end it.

    Raises:
        DumpError: as `verify` does.
    """
    show.begin("checking", sum(dump.size for dump in dumps))
    done = 0

    def progress(count: int) -> None:
        nonlocal done
        done += count
        show.update(done)
        turn()

    # Checksums are published of zips only.
    bare = [dump.path.name for dump in dumps if not verify(dump.path, progress) and dump.path.suffix == ".zip"]
    if bare:
        more = f" and {len(bare) - 1} more" if len(bare) > 1 else ""
        show.note(f"{bare[0]}{more}: not checked, there is no .CHECKSUM beside it")


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
