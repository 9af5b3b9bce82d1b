"""The distributions a deployment consists of, each prepared into one bundle."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from artifacts import sources
from artifacts.bundles import pack
from artifacts.cache import directory_for, fill
from artifacts.errors import ArtifactError
from artifacts.locks import read_requirements, read_sums, sha256_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from artifacts.programs import Say

_POM = "{http://maven.apache.org/POM/4.0.0}"


@dataclass(frozen=True)
class Bundle:
    """One archive for the hosts, and how it is laid out there (role `unpack`)."""

    name: str
    version: str
    path: str
    sha256: str
    strip_components: int = 0
    links: Mapping[str, str] = field(default_factory=dict)


def prepare(name: str, spec: Mapping[str, Any], cache: Path, say: Say) -> tuple[dict[str, Any], bool]:
    """Prepare the bundle of one distribution.

    Args:
        name: the distribution's name, and that of its directory on the hosts.
        spec: where it comes from; one of the keys ``archive``, ``maven``, ``sdist`` and ``wheels`` decides.
        cache: where fetched files and bundles are kept.
        say: called with lines of progress.

    Returns:
        The fields of the bundle, and whether anything had to be fetched or made.
    """
    kinds = {"archive": _archive, "maven": _maven, "sdist": _sdist, "wheels": _wheels}
    kind = next(kind for kind in kinds if kind in spec)
    bundle, changed = kinds[kind](name, spec, cache, say)
    return asdict(bundle), changed


def _maven(name: str, spec: Mapping[str, Any], cache: Path, say: Say) -> tuple[Bundle, bool]:
    pom = Path(spec["maven"]) / "pom.xml"
    lock = read_sums(pom.with_name("SHA256SUMS"))
    version = ET.parse(pom).findtext(f"{_POM}version", "")  # noqa: S314 - the repository's own file
    directory = directory_for(cache, name, lock.path.read_text())
    found, fetched = fill(directory, lock, sources.maven(pom, say))
    path = cache / "bundles" / f"{name}-{version}-{directory.name[-12:]}.tar"
    sha256, packed = pack(found.values(), spec.get("prefix", ""), path)
    return Bundle(name, version, str(path), sha256), fetched or packed


def _sdist(name: str, spec: Mapping[str, Any], cache: Path, say: Say) -> tuple[Bundle, bool]:
    """Take a source distribution as it is: it unpacks to one directory."""
    requirements = Path(spec["sdist"])
    lock = read_requirements(requirements)
    found, fetched = fill(directory_for(cache, name, lock.path.read_text()), lock, sources.sdist(requirements, say))
    ((entry, path),) = found.items()
    (sha256,) = lock.entries[entry]
    return Bundle(name, entry.partition("==")[2], str(path), sha256, 1, spec["links"]), fetched


def _archive(name: str, spec: Mapping[str, Any], cache: Path, say: Say) -> tuple[Bundle, bool]:
    """Take a project's official archive as it is: it unpacks to one directory."""
    wanted = spec["archive"]
    lock = sources.archive_lock(wanted["source"], wanted["sha256"])
    directory = directory_for(cache, name, wanted["sha256"])
    found, fetched = fill(directory, lock, sources.archive(wanted["source"], say))
    (path,) = found.values()
    return Bundle(name, wanted["version"], str(path), wanted["sha256"], 1), fetched


def _wheels(name: str, spec: Mapping[str, Any], cache: Path, say: Say) -> tuple[Bundle, bool]:
    """Take the wheels of a lock, and the one of the project; the bundle's digest is its version."""
    requirements, python, machine = Path(spec["wheels"]), spec["python_version"], spec["machine"]
    lock = read_requirements(requirements)
    directory = directory_for(cache, name, lock.path.read_text(), python, machine)
    found, fetched = fill(directory, lock, sources.wheels(requirements, python, machine, say))
    wheel, built = sources.project_wheel(Path(spec["project"]), cache, say)
    path = cache / "bundles" / f"{name}-{directory.name[-12:]}-{wheel.parent.name[-12:]}.tar"
    sha256, packed = pack([*found.values(), wheel], spec["prefix"], path)
    return Bundle(name, sha256[:12], str(path), sha256), fetched or built or packed


def lock_maven(directory: Path, say: Say) -> None:
    """Write SHA256SUMS of what Maven resolves for the pom in a directory (after a version was changed)."""
    with tempfile.TemporaryDirectory() as staging:
        sources.maven(directory / "pom.xml", say)(Path(staging))
        jars = sorted(Path(staging).iterdir())
        if not jars:
            raise ArtifactError(f"{directory / 'pom.xml'} resolved to no jar. Does it declare a dependency?")
        (directory / "SHA256SUMS").write_text("".join(f"{sha256_of(jar)}  {jar.name}\n" for jar in jars))
