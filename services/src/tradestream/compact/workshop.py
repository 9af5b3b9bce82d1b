"""The directory beside the tables where files are made and where those that were replaced end.

All that lies in it can be removed at any time: what is being made is not in use yet, what was replaced no longer. It is
kept for a minute all the same. A reader that has begun to list a directory may still be about to read on in it, and
would take an emptied one for a day without data.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

from tradestream.disk import exchange, sync
from tradestream.errors import ConfigError

_NAME = "_compact"
_KEPT_SECONDS = 60.0


class Workshop:
    """The directory of one storage.

    Args:
        root: The storage.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.path = root / _NAME
        self.path.mkdir(exist_ok=True)

    def new(self, what: Path) -> Path:
        """Returns an empty directory, named after a part of the storage."""
        name = ".".join(part.rpartition("=")[2] for part in what.relative_to(self._root).parts)
        return Path(tempfile.mkdtemp(prefix=f"{name}.", dir=self.path))

    def take(self, path: Path) -> None:
        """Takes a directory out of where readers look, for good."""
        path.rename(self.new(path))
        self.settle(path)

    def settle(self, path: Path) -> None:
        """Returns when it is on disk that a directory has changed its place with one in here."""
        sync(path.parent)
        sync(self.path)

    def sweep(self) -> None:
        """Removes what has been here for long enough."""
        for path in self.path.iterdir():
            # A rename sets this time, whatever else is as old as before.
            if path.is_dir() and path.stat().st_ctime < time.time() - _KEPT_SECONDS:
                shutil.rmtree(path)

    def require_exchange(self) -> None:
        """Tries whether directories can change places.

        Raises:
            ConfigError: The file system cannot do that.
        """
        one, other = (Path(tempfile.mkdtemp(dir=self.path)) for _ in range(2))
        try:
            exchange(one, other)
        except OSError as error:
            raise ConfigError(
                f"{self._root}: its file system cannot let two directories change places at one moment "
                f"({error.strerror}), so readers would see rows twice or not at all; NFS is one that cannot. Run it "
                "on the host that has the disk, or say merge: false"
            ) from error
        finally:
            one.rmdir()
            other.rmdir()
