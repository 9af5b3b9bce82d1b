"""The cache: directories that are complete and verified, or refilled from where the files come from."""

from __future__ import annotations

import fcntl
import hashlib
import json
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from artifacts.errors import ArtifactError
from artifacts.locks import Lock, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Fetch = Callable[[Path], None]


@contextmanager
def exclusive(cache: Path) -> Iterator[None]:
    """Hold the cache for this process: two plays may run on one controller.

    Raises:
        ArtifactError: the cache's directory cannot be made or written.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
        lock_file = (cache / ".lock").open("w")
    except OSError as error:
        raise ArtifactError(
            f"The cache {cache} cannot be written ({error.strerror}). Make it writable or set pipeline_cache_dir."
        ) from error
    with lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_EX)
        yield


def directory_for(cache: Path, name: str, *identity: object) -> Path:
    """Return the directory of one set of files; another identity (lock, platform) is another one."""
    digest = hashlib.sha256(json.dumps([str(part) for part in identity]).encode()).hexdigest()
    return cache / "files" / f"{name}-{digest[:12]}"


def fill(directory: Path, lock: Lock, fetch: Fetch) -> tuple[dict[str, Path], bool]:
    """Verify a directory against its lock and fetch what is missing from it.

    Returns:
        The verified files by entry, and whether anything had to be fetched.

    Raises:
        ArtifactError: a file there or a fetched one is not what the lock says, or the fetch left one out.
    """
    directory.mkdir(parents=True, exist_ok=True)
    found = verify(directory, lock)
    if lock.entries.keys() == found.keys():
        return found, False
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".fetch-") as staging_name:
        staging = Path(staging_name)
        fetch(staging)
        fetched = verify(staging, lock)
        for entry in lock.entries.keys() - found.keys():
            if entry not in fetched:
                raise ArtifactError(f"{entry} of {lock.path} was not among what was fetched. Make the lock again.")
            found[entry] = fetched[entry].rename(directory / fetched[entry].name)
    return found, True
