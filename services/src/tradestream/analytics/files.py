"""A directory for the job's files: on this host (`local_directory`), or anywhere (`hadoop_directory`)."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from tradestream.errors import ConfigError


class Directory(Protocol):
    """What the job asks of a directory; names are relative to it."""

    uri: str

    def path(self, name: str) -> str:
        """URI of what is called ``name`` in this directory."""

    def names(self, name: str = "") -> list[str]:
        """Names of what lies directly in directory ``name``, sorted; none if it does not exist."""

    def files(self, name: str) -> list[str]:
        """Names of all files below directory ``name``, relative to it, sorted; none if it does not exist."""

    def read(self, name: str) -> bytes:
        """Contents of file ``name``.

        Raises:
            OSError: It cannot be read.
        """

    def edges(self, name: str, count: int) -> tuple[bytes, bytes]:
        """The first and the last ``count`` bytes of file ``name``, or fewer where it is shorter.

        Raises:
            OSError: They cannot be read.
        """

    def write(self, name: str, content: bytes) -> None:
        """Write file ``name`` whole, on disk before it has its name; on return the name is too."""

    def sync(self, *names: str) -> None:
        """Return when files and directories ``names``, all that is in them, and their names are on disk.

        A name that does not exist is passed over.
        """

    def move(self, source: str, target: str) -> None:
        """Rename file ``source``; a ``target`` that exists is that same file, moved before a crash."""

    def delete(self, name: str) -> None:
        """Remove file or directory ``name``, with all in it, if it exists."""

    def require_writable(self) -> None:
        """Make the directory if need be and write into it.

        Raises:
            ConfigError: It cannot be written.
        """

    def locked(self) -> AbstractContextManager[None]:
        """While files are moved, or read as one whole: `tradestream compact` changes none meanwhile."""


def unwritable(where: object, why: str | None) -> ConfigError:
    """What is raised of a directory that cannot be written: says where, why and what to do."""
    return ConfigError(
        f"{where}: cannot be written: {why}; check that the path is mounted and belongs to the user "
        "this service runs as"
    )
