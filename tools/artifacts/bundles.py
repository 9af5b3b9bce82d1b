"""Bundles: one tar per distribution, equal bytes for equal contents, pushed to a host in one go."""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from artifacts.locks import sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterable


class _Digest:
    """A file to write to that keeps nothing but the SHA-256 of what passed."""

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.sha256.update(data)
        return len(data)


def pack(files: Iterable[Path], prefix: str, target: Path) -> tuple[str, bool]:
    """Make the tar of some files under a prefix, unless the target is that tar already.

    Returns:
        The SHA-256 of the tar, and whether it had to be written.
    """
    ordered = sorted(files, key=lambda path: path.name)
    digest = _Digest()
    _write_tar(ordered, prefix, cast("IO[bytes]", digest))
    wanted = digest.sha256.hexdigest()
    if target.is_file() and sha256_of(target) == wanted:
        return wanted, False
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".bundle-", delete=False) as file:
        try:
            _write_tar(ordered, prefix, cast("IO[bytes]", file))
            Path(file.name).rename(target)
        except BaseException:
            Path(file.name).unlink()
            raise
    return wanted, True


def _write_tar(files: Iterable[Path], prefix: str, output: IO[bytes]) -> None:
    with tarfile.open(fileobj=output, mode="w|", format=tarfile.USTAR_FORMAT) as tar:
        for path in files:
            member = tarfile.TarInfo(prefix + path.name)  # owner 0, time 0, mode 0644: the same everywhere
            member.size = path.stat().st_size
            with path.open("rb") as content:
                tar.addfile(member, content)
