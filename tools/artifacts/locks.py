"""Locks: which files a distribution consists of, and the SHA-256 digests each of them may have."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artifacts.errors import ArtifactError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_SUM = re.compile(r"^([0-9a-f]{64})  (\S+)$")


@dataclass(frozen=True)
class Lock:
    """What a directory of fetched files must hold: exactly one file per entry, with one of its digests."""

    path: Path
    entries: Mapping[str, frozenset[str]]
    entry_of: Callable[[str], str]


def sha256_of(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_sums(path: Path) -> Lock:
    """Read a file in the format of ``sha256sum``: the entry of a file is its name.

    Raises:
        ArtifactError: the file is missing, empty, or a line of it has another format.
    """
    entries = {}
    for number, line in enumerate(_lines(path), start=1):
        if not (match := _SUM.match(line)):
            raise ArtifactError(f"{path}:{number}: expected '<sha256>  <file name>', found {line!r}")
        entries[match[2]] = frozenset({match[1]})
    return Lock(path, entries, str)


def read_requirements(path: Path) -> Lock:
    """Read a hash-pinned requirements file: the entry of a wheel or sdist is its ``name==version``.

    Raises:
        ArtifactError: the file is missing or empty, or a requirement is not pinned or has no digest.
    """
    text = "\n".join(line for line in _lines(path) if not line.lstrip().startswith("#"))
    entries = {}
    for requirement in text.replace("\\\n", " ").splitlines():
        match, digests = _PINNED.match(requirement), _HASH.findall(requirement)
        if not match or not digests:
            raise ArtifactError(f"{path}: not pinned to a version and a SHA-256: {requirement[:80]!r}")
        entries[_entry(match["name"], match["version"])] = frozenset(digests)
    return Lock(path, entries, entry_of_package)


def entry_of_package(filename: str) -> str:
    """Return ``name==version`` of a wheel's or sdist's file name, the name normalised as PEP 503 has it."""
    if filename.endswith(".whl"):
        name, version = filename.split("-")[:2]
    else:
        name, _, version = filename.removesuffix(".tar.gz").rpartition("-")
    return _entry(name, version)


def verify(directory: Path, lock: Lock) -> dict[str, Path]:
    """Hold every file in a directory against a lock.

    Returns:
        The files found, by entry; an entry without a file is absent from it.

    Raises:
        ArtifactError: a file has another digest than the lock says, or has no place in the lock.
    """
    found: dict[str, Path] = {}
    for path in sorted(directory.iterdir()):
        entry = lock.entry_of(path.name)
        allowed = lock.entries.get(entry)
        if allowed is None:
            raise ArtifactError(
                f"{path} is not listed in {lock.path}. Delete the file if you don't know it; if it came "
                "with a changed version, make the lock again (see docs/operating/upgrade.md)."
            )
        if entry in found:
            raise ArtifactError(f"{path} and {found[entry].name} are both {entry}. Delete one of them.")
        if (digest := sha256_of(path)) not in allowed:
            raise ArtifactError(
                f"{path} has SHA-256 {digest}, but {lock.path} allows only {', '.join(sorted(allowed)[:3])}. "
                "Delete the file and run this again to fetch it anew. If it is wrong then too, what is "
                "published has changed: find out why before you change the lock."
            )
        found[entry] = path
    return found


def _entry(name: str, version: str) -> str:
    return f"{re.sub(r'[-_.]+', '-', name).lower()}=={version}"


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise ArtifactError(f"{path} is missing. It belongs to the repository: restore it (git checkout).")
    if not (lines := path.read_text().splitlines()):
        raise ArtifactError(f"{path} is empty. It belongs to the repository: restore it (git checkout).")
    return lines
