"""A directory of this host, or mounted on it: with what the kernel offers, and no JVM.

Spark's executors write there through Hadoop, whose local file system leaves to the kernel when that reaches the disk,
and puts a checksum beside each file. So this process, which sees the same files, asks the kernel (`sync`), and passes
over checksums: readers of Parquet, Polars for one, would take them for a part of the table.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tradestream.analytics.files import unwritable
from tradestream.analytics.layout import LOCK
from tradestream.disk import give_like, locked, sync, sync_tree
from tradestream.errors import ConfigError


class LocalDirectory:
    """A `files.Directory` by its path.

    Args:
        path: Where.
    """

    def __init__(self, path: Path) -> None:
        self.uri = f"file://{path}"
        self._path = path

    def path(self, name: str) -> str:
        """URI of what is called ``name`` in this directory."""
        return f"{self.uri}/{name}" if name else self.uri

    def names(self, name: str = "") -> list[str]:
        """Names of what lies directly in directory ``name``, sorted; none if it does not exist."""
        try:
            return sorted(each.name for each in (self._path / name).iterdir() if not _is_sum(each.name))
        except FileNotFoundError:
            return []

    def files(self, name: str) -> list[str]:
        """Names of all files below directory ``name``, relative to it, sorted; none if it does not exist."""
        top = self._path / name
        return sorted(
            str(path.relative_to(top)) for path in top.rglob("*") if not _is_sum(path.name) and path.is_file()
        )

    def read(self, name: str) -> bytes:
        """Contents of file ``name``.

        Raises:
            OSError: It cannot be read.
        """
        return (self._path / name).read_bytes()

    def edges(self, name: str, count: int) -> tuple[bytes, bytes]:
        """The first and the last ``count`` bytes of file ``name``, or fewer where it is shorter.

        Raises:
            OSError: They cannot be read.
        """
        with (self._path / name).open("rb") as file:
            first = file.read(count)
            file.seek(max(0, os.fstat(file.fileno()).st_size - count))
            return first, file.read()

    def write(self, name: str, content: bytes) -> None:
        """Write file ``name`` whole, on disk before it has its name; on return the name is too.

        It belongs to whom the directory belongs, whoever writes it.
        """
        hidden = self._path / f".{name}.tmp"
        with hidden.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        give_like(hidden, self._path)
        hidden.rename(self._path / name)
        sync(self._path)

    def sync(self, *names: str) -> None:
        """Return when files and directories ``names``, all that is in them, and their names are on disk.

        A name that does not exist is passed over.
        """
        paths = [self._path / name for name in names]
        sync_tree(*paths)
        sync(*{parent for path in paths for parent in path.parents if parent.is_relative_to(self._path)})

    def move(self, source: str, target: str) -> None:
        """Rename file ``source``, without its checksum; a ``target`` that exists is that same file, moved before."""
        old, new = self._path / source, self._path / target
        if new.exists():
            old.unlink()
            return
        new.parent.mkdir(parents=True, exist_ok=True)
        old.rename(new)

    def delete(self, name: str) -> None:
        """Remove file or directory ``name``, with all in it, if it exists."""
        path = self._path / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def require_writable(self) -> None:
        """Make the directory if need be and write into it.

        Raises:
            ConfigError: It cannot be written.
        """
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            os.sync()  # directories above may be new too
            self.write("_writable", b"")
            self.delete("_writable")
        except OSError as error:
            raise unwritable(self._path, error.strerror) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """While files are moved, or read as one whole: `tradestream compact` changes none meanwhile.

        Raises:
            ConfigError: It cannot be had, as where the file system has no locks.
        """
        self._path.mkdir(parents=True, exist_ok=True)
        with ExitStack() as held:
            try:
                held.enter_context(locked(self._path / LOCK))
            except OSError as error:
                raise ConfigError(
                    f"{self._path / LOCK}: cannot be locked: {error.strerror}; check that this user may write it, and "
                    "that the storage is mounted with locks: without them this job and `tradestream compact` would "
                    "take each other's files"
                ) from error
            yield


def local_path(uri: str) -> Path | None:
    """The path that a file:/// URI names; None of any other."""
    return Path(uri.removeprefix("file://")) if uri.startswith("file:///") else None


def _is_sum(name: str) -> bool:
    return name.startswith(".") and name.endswith(".crc")
