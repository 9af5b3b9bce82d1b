"""Files through Hadoop's FileSystem, so that file://, hdfs:// and s3a:// are alike.

Hadoop's local file system leaves to the kernel when what was written reaches the disk. So on file:// this process,
which sees the same files as the executors, asks for it (`Directory.sync`); hdfs:// and s3a:// see to it themselves.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from tradestream.analytics.layout import LOCK
from tradestream.analytics.local_directory import local_path
from tradestream.disk import locked, sync, sync_tree
from tradestream.errors import ConfigError


class Directory:
    """A directory at a URI.

    Args:
        spark: Whose Hadoop settings apply.
        uri: Where: file:///, hdfs:// or s3a://.
    """

    def __init__(self, spark: SparkSession, uri: str) -> None:
        self.uri = uri.rstrip("/")
        self._local = local_path(self.uri)
        # The gateway to the JVM has no public name in PySpark.
        jvm: Any = spark._jvm  # noqa: SLF001
        self._new_path = jvm.org.apache.hadoop.fs.Path
        self._fs = self._new_path(self.uri).getFileSystem(spark._jsc.hadoopConfiguration())  # noqa: SLF001

    def path(self, name: str) -> str:
        """URI of what is called ``name`` in this directory."""
        return f"{self.uri}/{name}" if name else self.uri

    def exists(self, name: str) -> bool:
        """Whether there is a file or directory ``name``."""
        return bool(self._fs.exists(self._java(name)))

    def names(self, name: str = "") -> list[str]:
        """Names of what lies directly in directory ``name``, sorted; none if it does not exist."""
        if not self.exists(name):
            return []
        return sorted(status.getPath().getName() for status in self._fs.listStatus(self._java(name)))

    def files(self, name: str) -> list[str]:
        """Names of all files below directory ``name``, relative to it, sorted."""
        if not self.exists(name):
            return []
        found, remote = [], self._fs.listFiles(self._java(name), True)  # noqa: FBT003 - Java's signature
        root = self._fs.resolvePath(self._java(name)).toUri().getPath().rstrip("/") + "/"
        while remote.hasNext():
            found.append(remote.next().getPath().toUri().getPath().removeprefix(root))
        return sorted(found)

    def read(self, name: str) -> bytes:
        """Contents of file ``name``.

        Raises:
            OSError: It cannot be read, or the checksum beside it is another.
        """
        with self._opened(name) as stream:
            return bytes(stream.readAllBytes())

    def edges(self, name: str, count: int) -> tuple[bytes, bytes]:
        """The first and the last ``count`` bytes of file ``name``, or fewer where it is shorter.

        Raises:
            OSError: They cannot be read, or the checksum beside the file is another.
        """
        size = self._fs.getFileStatus(self._java(name)).getLen()
        with self._opened(name) as stream:
            first = bytes(stream.readNBytes(count))
            stream.seek(max(0, size - count))
            return first, bytes(stream.readNBytes(count))

    def write(self, name: str, content: bytes) -> None:
        """Write file ``name`` whole, on disk before it has its name; on return the name is too."""
        hidden = f".{name}.tmp"
        stream = self._fs.create(self._java(hidden), True)  # noqa: FBT003 - Java's signature
        try:
            stream.write(content)
            stream.hsync()
        finally:
            stream.close()
        self.sync(hidden, f".{hidden}.crc")
        self._rename(self._java(hidden), self._java(name))
        self.sync(name)

    def sync(self, *names: str) -> None:
        """Return when files and directories ``names``, all that is in them, and their names are on disk.

        A name that does not exist is passed over.
        """
        if self._local is None:
            return
        parents: set[Path] = set()
        for path in (self._local / name for name in names):
            sync_tree(path)
            parents.update(parent for parent in path.parents if parent.is_relative_to(self._local))
        for parent in sorted(parents, reverse=True):
            sync(parent)

    def move(self, source: str, target: str) -> None:
        """Rename file ``source``; a ``target`` that exists is that same file, moved before a crash."""
        if self.exists(target):
            self.delete(source)
            return
        self._fs.mkdirs(self._java(target).getParent())
        if self._local is not None:
            # Hadoop would bring its checksum along, which Polars for one takes for a part of the table.
            (self._local / source).rename(self._local / target)
        else:
            self._rename(self._java(source), self._java(target))

    def delete(self, name: str) -> None:
        """Remove file or directory ``name``, with all in it, if it exists."""
        self._fs.delete(self._java(name), True)  # noqa: FBT003 - Java's signature

    def require_writable(self) -> None:
        """Make the directory if need be and write into it.

        Raises:
            ConfigError: It cannot be written.
        """
        try:
            self._fs.mkdirs(self._java(""))
            if self._local is not None:
                os.sync()  # directories above may be new too
            self.write("_writable", b"")
            self.delete("_writable")
        except Py4JJavaError as error:
            raise ConfigError(
                f"{self.uri}: cannot be written: {error.java_exception.toString()}; check that the path is "
                "mounted and belongs to the user this service runs as"
            ) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """While files are moved, or read as one whole: `tradestream compact` changes none meanwhile.

        It changes none at all on hdfs:// and s3a://.
        """
        if self._local is None:
            yield
            return
        self._local.mkdir(parents=True, exist_ok=True)
        with locked(self._local / LOCK):
            yield

    @contextmanager
    def _opened(self, name: str) -> Iterator[Any]:
        try:
            stream = self._fs.open(self._java(name))
            try:
                yield stream
            finally:
                stream.close()
        except Py4JJavaError as error:
            raise OSError(error.java_exception.toString()) from error

    def _java(self, name: str) -> Any:  # noqa: ANN401 - a Java object
        return self._new_path(self.path(name))

    def _rename(self, source: Any, target: Any) -> None:  # noqa: ANN401 - Java objects
        if not self._fs.rename(source, target):
            raise OSError(f"cannot rename {source.toString()} to {target.toString()}")
