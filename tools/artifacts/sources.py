"""Where files come from: Maven, pip, this repository, or one archive by URL or path."""

from __future__ import annotations

import hashlib
import shutil
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from artifacts.errors import ArtifactError
from artifacts.locks import Lock
from artifacts.programs import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from artifacts.programs import Say

_GLIBC_MINORS = range(17, 37)  # Debian 12 has glibc 2.36
_CHUNK_BYTES = 1 << 20
_SAY_EVERY_BYTES = 50_000_000


def maven(pom: Path, say: Say) -> Callable[[Path], None]:
    """Return what copies the runtime dependencies of a pom into a directory."""

    def fetch(staging: Path) -> None:
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={staging}"]
        run(f"Maven, {pom.parent.name}", ["mvn", "-B", "-f", str(pom), *goal], staging, say)

    return fetch


def wheels(requirements: Path, python_version: str, machine: str, say: Say) -> Callable[[Path], None]:
    """Return what downloads the wheels of a hash-pinned requirements file for the hosts' Python."""
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in _GLIBC_MINORS]
    platforms += [f"manylinux2014_{machine}", f"linux_{machine}"]
    options = ["--only-binary", ":all:", "--implementation", "cp", "--python-version", python_version]
    options += [option for platform in platforms for option in ("--platform", platform)]
    return _pip(requirements, options, say)


def sdist(requirements: Path, say: Say) -> Callable[[Path], None]:
    """Return what downloads the source distribution of a hash-pinned requirements file."""
    # pip reads the metadata with the controller's pinned setuptools; isolated, it would fetch one that is not pinned.
    return _pip(requirements, ["--no-binary", ":all:", "--no-build-isolation"], say)


def _pip(requirements: Path, options: Iterable[str], say: Say) -> Callable[[Path], None]:
    def fetch(staging: Path) -> None:
        scratch = staging / ".scratch"
        scratch.mkdir()
        command = [sys.executable, "-m", "pip", "download", "--require-hashes", "--no-deps", "--no-cache-dir"]
        command += ["--progress-bar", "off", "-d", str(staging), "-r", str(requirements), *options]
        run(f"pip, {requirements.name}", command, scratch, say)
        shutil.rmtree(scratch)

    return fetch


def archive(source: str, say: Say) -> Callable[[Path], None]:
    """Return what copies an archive from a path on the controller, or downloads it from a URL."""

    def fetch(staging: Path) -> None:
        target = staging / source.rpartition("/")[2]
        try:
            if "://" in source:
                _download(source, target, say)
            else:
                shutil.copyfile(source, target)
        except (OSError, ValueError) as error:
            raise ArtifactError(f"{source} cannot be fetched ({error}). Correct the archive's source.") from error

    return fetch


def _download(url: str, target: Path, say: Say) -> None:
    with urllib.request.urlopen(url, timeout=60) as response, target.open("wb") as file:  # noqa: S310 - the user's choice
        done = said = 0
        while chunk := response.read(_CHUNK_BYTES):
            done += file.write(chunk)
            if done - said >= _SAY_EVERY_BYTES:
                said = done
                say(f"{target.name}: {done / 1e6:.0f} MB")


def archive_lock(source: str, sha256: str) -> Lock:
    """Return the lock of a single archive whose digest the inventory gives."""
    name = source.rpartition("/")[2]
    return Lock(Path("the inventory"), {name: frozenset({sha256})}, str)


def project_wheel(project: Path, cache: Path, say: Say) -> tuple[Path, bool]:
    """Build the wheel of a project in this repository, unless this very source was built before.

    Returns:
        The wheel, and whether it had to be built.
    """
    directory = cache / "files" / f"project-{_tree_digest(project)[:12]}"
    if built := sorted(directory.glob("*.whl")):
        return built[0], False
    staging = directory.with_suffix(".building")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(staging),
        str(project),
    ]
    run(f"wheel of {project.name}", command, staging, say)
    staging.rename(directory)
    return next(directory.glob("*.whl")), True


def _tree_digest(project: Path) -> str:
    """Digest what a wheel is made from: every file but what Python and tools leave behind."""
    digest = hashlib.sha256()
    left_behind = {"__pycache__", "dist", "build"}
    for path in sorted(project.rglob("*")):
        parts = path.relative_to(project).parts
        if path.is_file() and not any(part in left_behind or part.startswith(".") for part in parts):
            digest.update(f"{'/'.join(parts)}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
