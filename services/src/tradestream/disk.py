"""What local files need beyond reading and writing: to be on disk, to be exchanged, to be locked."""

from __future__ import annotations

import ctypes
import fcntl
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_TOGETHER = 16
_libc = ctypes.CDLL(None, use_errno=True)


def sync_tree(*paths: Path) -> None:
    """Returns when files, and directories with all in them, are on disk; what does not exist is passed over."""
    sync(*(found for path in paths for found in _all_in(path)))


def _all_in(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    for folder, _, files in os.walk(path):
        yield Path(folder)
        yield from (Path(folder, file) for file in files)


def sync(*paths: Path) -> None:
    """Returns when the contents of files, and the names in directories, are on disk.

    The kernel is asked for many at a time: a file system brings them to disk together, where one after the other each
    would wait for the disk. A thousand files take a sixth of the time.
    """
    with ThreadPoolExecutor(_TOGETHER) as pool:
        for _ in pool.map(_sync, [paths[first::_TOGETHER] for first in range(min(_TOGETHER, len(paths)))]):
            pass


def _sync(paths: Iterable[Path]) -> None:
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def exchange(one: Path, other: Path) -> None:
    """Lets two paths of a file system change places, at once: at no moment is either missing.

    Raises:
        OSError: one does not exist, or the file system cannot do it (EINVAL).
    """
    paths = os.fsencode(one), os.fsencode(other)
    if _libc.renameat2(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(one), None, str(other))


def give_like(path: Path, directory: Path) -> None:
    """Gives a file to whom a directory belongs; a user who could not need not, and a sandbox may forbid to try."""
    owner = directory.stat()
    if owner.st_uid != os.geteuid():
        os.chown(path, owner.st_uid, owner.st_gid)


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Holds a lock file against other processes; however this one ends, the kernel lets go of it.

    Raises:
        BlockingIOError: another process holds it, and this one shall not wait.
        OSError: it cannot be opened, or the file system has no locks.
    """
    with path.open("ab") as file:
        # Of lockf a file server knows, too; of flock only the host that asks.
        fcntl.lockf(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
