"""Locks: what is read from the repository, and what is refused of the files fetched."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from artifacts.errors import ArtifactError
from artifacts.locks import entry_of_package, read_requirements, read_sums, verify

ONE = hashlib.sha256(b"one").hexdigest()
TWO = hashlib.sha256(b"two").hexdigest()


@pytest.fixture
def sums(tmp_path: Path) -> Path:
    path = tmp_path / "SHA256SUMS"
    path.write_text(f"{ONE}  one.jar\n{TWO}  two.jar\n")
    return path


@pytest.fixture
def fetched(tmp_path: Path) -> Path:
    directory = tmp_path / "fetched"
    directory.mkdir()
    (directory / "one.jar").write_bytes(b"one")
    return directory


def test_a_missing_file_is_absent_from_what_was_found(sums: Path, fetched: Path) -> None:
    assert verify(fetched, read_sums(sums)) == {"one.jar": fetched / "one.jar"}


def test_a_wrong_digest_names_the_file_and_both_digests(sums: Path, fetched: Path) -> None:
    (fetched / "one.jar").write_bytes(b"two")
    with pytest.raises(ArtifactError) as raised:
        verify(fetched, read_sums(sums))
    assert all(part in str(raised.value) for part in (str(fetched / "one.jar"), ONE, TWO, "Delete the file"))


def test_a_file_that_no_lock_lists_is_refused(sums: Path, fetched: Path) -> None:
    (fetched / "three.jar").write_bytes(b"one")
    with pytest.raises(ArtifactError, match=r"three\.jar is not listed"):
        verify(fetched, read_sums(sums))


def test_two_files_for_one_requirement_are_refused(tmp_path: Path, fetched: Path) -> None:
    (fetched / "one.jar").unlink()
    lock = tmp_path / "requirements.txt"
    lock.write_text(f"one==1.0 \\\n    --hash=sha256:{ONE}\n")
    for platform in ("any", "linux_x86_64"):
        (fetched / f"one-1.0-py3-none-{platform}.whl").write_bytes(b"one")
    with pytest.raises(ArtifactError, match=r"are both one==1\.0"):
        verify(fetched, read_requirements(lock))


def test_requirements_give_every_digest_of_a_package(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text(f"# made by a tool\nPy_YAML==6.0 \\\n    --hash=sha256:{ONE} \\\n    --hash=sha256:{TWO}\n")
    assert read_requirements(lock).entries == {"py-yaml==6.0": frozenset({ONE, TWO})}


@pytest.mark.parametrize("line", ["pyyaml>=6", "pyyaml==6.0", "--index-url x"])
def test_a_requirement_without_version_or_digest_is_refused(tmp_path: Path, line: str) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text(f"{line}\n")
    with pytest.raises(ArtifactError, match="not pinned"):
        read_requirements(lock)


@pytest.mark.parametrize("content", ["", "not a digest  one.jar\n"])
def test_sums_that_cannot_be_read_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "SHA256SUMS"
    path.write_text(content)
    with pytest.raises(ArtifactError, match="SHA256SUMS"):
        read_sums(path)


@pytest.mark.parametrize(
    ("filename", "entry"),
    [
        ("typing_extensions-4.16.0-py3-none-any.whl", "typing-extensions==4.16.0"),
        ("pyspark-4.2.0.tar.gz", "pyspark==4.2.0"),
        ("some-name-1.0.tar.gz", "some-name==1.0"),
    ],
)
def test_the_entry_of_a_package(filename: str, entry: str) -> None:
    assert entry_of_package(filename) == entry
