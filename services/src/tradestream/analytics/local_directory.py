"""A directory as `files.Directory` has it, without Hadoop: for commands that start no JVM."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

# Hadoop makes a checksum of so many bytes, and puts this before them.
_CHUNK = 512
_HEADER = b"crc\0" + _CHUNK.to_bytes(4)


class LocalDirectory:
    """A directory of this host, or mounted on it.

    Args:
        path: Where.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def path(self, name: str) -> str:
        """Path of what is called ``name`` in this directory."""
        return str(self._path / name)

    def names(self, name: str = "") -> list[str]:
        """Names of what lies directly in directory ``name``, sorted; none if it does not exist."""
        try:
            return sorted(each.name for each in (self._path / name).iterdir() if not _is_sum(each.name))
        except FileNotFoundError:
            return []

    def files(self, name: str) -> list[str]:
        """Names of all files below directory ``name``, relative to it, sorted."""
        top = self._path / name
        return sorted(
            str(path.relative_to(top)) for path in top.rglob("*") if path.is_file() and not _is_sum(path.name)
        )

    def read(self, name: str) -> bytes:
        """Contents of file ``name``.

        Raises:
            OSError: It cannot be read, or the checksum that Hadoop left beside it is another.
        """
        path = self._path / name
        content = path.read_bytes()
        sums = path.with_name(f".{path.name}.crc")
        if sums.exists() and not _fits(content, sums.read_bytes()):
            raise OSError(f"the checksum in {sums} is another")
        return content

    def edges(self, name: str, count: int) -> tuple[bytes, bytes]:
        """The first and the last ``count`` bytes of file ``name``, or fewer where it is shorter.

        Raises:
            OSError: They cannot be read, or the checksum beside the file is another.
        """
        content = self.read(name)
        return content[:count], content[-count:]

    def write(self, name: str, content: bytes) -> None:
        """Write file ``name`` whole, on disk on return; it belongs to whom the directory belongs."""
        hidden = self._path / f".{name}.tmp"
        with hidden.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        owner = self._path.stat()
        os.chown(hidden, owner.st_uid, owner.st_gid)
        hidden.rename(self._path / name)
        self.sync()

    def delete(self, name: str) -> None:
        """Remove file ``name`` and its checksum."""
        for each in (name, f".{name}.crc"):
            (self._path / each).unlink(missing_ok=True)

    def sync(self) -> None:
        """Return when the names in this directory are on disk."""
        descriptor = os.open(self._path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def local_path(uri: str) -> Path | None:
    """The path that a file:/// URI names; None of any other."""
    return Path(uri.removeprefix("file://")) if uri.startswith("file:///") else None


def _is_sum(name: str) -> bool:
    return name.startswith(".") and name.endswith(".crc")


def _fits(content: bytes, sums: bytes) -> bool:
    """Hold a file against Hadoop's checksums of it: a header, then a CRC-32 of each chunk; no header is no checksum."""
    if not sums.startswith(_HEADER):
        return True
    wanted = (zlib.crc32(content[at : at + _CHUNK]).to_bytes(4) for at in range(0, len(content), _CHUNK))
    return sums == _HEADER + b"".join(wanted)
