"""A directory through Hadoop's FileSystem: hdfs://, s3a://, whatever its URI names.

These see to it themselves that what was written is on disk, and `tradestream compact` is not for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from tradestream.analytics.files import Directory, unwritable
from tradestream.analytics.local_directory import LocalDirectory, local_path


def directory(spark: SparkSession, uri: str) -> Directory:
    """The directory at a URI."""
    path = local_path(uri)
    return LocalDirectory(path) if path else HadoopDirectory(spark, uri)


class HadoopDirectory:
    """A `files.Directory` by its URI.

    Args:
        spark: Whose Hadoop settings apply.
        uri: Where.
    """

    def __init__(self, spark: SparkSession, uri: str) -> None:
        self.uri = uri.rstrip("/")
        # The gateway to the JVM has no public name in PySpark.
        jvm: Any = spark._jvm  # noqa: SLF001
        self._new_path = jvm.org.apache.hadoop.fs.Path
        self._fs = self._new_path(self.uri).getFileSystem(spark._jsc.hadoopConfiguration())  # noqa: SLF001

    def path(self, name: str) -> str:
        """URI of what is called ``name`` in this directory."""
        return f"{self.uri}/{name}" if name else self.uri

    def names(self, name: str = "") -> list[str]:
        """Names of what lies directly in directory ``name``, sorted; none if it does not exist."""
        if not self._exists(name):
            return []
        return sorted(status.getPath().getName() for status in self._fs.listStatus(self._java(name)))

    def files(self, name: str) -> list[str]:
        """Names of all files below directory ``name``, relative to it, sorted."""
        if not self._exists(name):
            return []
        found, remote = [], self._fs.listFiles(self._java(name), True)  # noqa: FBT003 - Java's signature
        root = self._fs.resolvePath(self._java(name)).toUri().getPath().rstrip("/") + "/"
        while remote.hasNext():
            found.append(remote.next().getPath().toUri().getPath().removeprefix(root))
        return sorted(found)

    def read(self, name: str) -> bytes:
        """Contents of file ``name``.

        Raises:
            OSError: It cannot be read.
        """
        with self._opened(name) as stream:
            return bytes(stream.readAllBytes())

    def edges(self, name: str, count: int) -> tuple[bytes, bytes]:
        """The first and the last ``count`` bytes of file ``name``, or fewer where it is shorter.

        Raises:
            OSError: They cannot be read.
        """
        with self._opened(name) as stream:
            size = self._fs.getFileStatus(self._java(name)).getLen()
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
        self._rename(hidden, name)

    def sync(self, *names: str) -> None:
        """Return when files and directories ``names``, all that is in them, and their names are on disk.

        A name that does not exist is passed over.
        """

    def move(self, source: str, target: str) -> None:
        """Rename file ``source``; a ``target`` that exists is that same file, moved before a crash."""
        if self._exists(target):
            self.delete(source)
            return
        self._fs.mkdirs(self._java(target).getParent())
        self._rename(source, target)

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
            self.write("_writable", b"")
            self.delete("_writable")
        except Py4JJavaError as error:
            raise unwritable(self.uri, error.java_exception.toString()) from error

    def locked(self) -> AbstractContextManager[None]:
        """While files are moved, or read as one whole; nobody else changes any."""
        return nullcontext()

    def _exists(self, name: str) -> bool:
        return bool(self._fs.exists(self._java(name)))

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

    def _rename(self, source: str, target: str) -> None:
        if not self._fs.rename(self._java(source), self._java(target)):
            raise OSError(f"cannot rename {self.path(source)} to {self.path(target)}")
