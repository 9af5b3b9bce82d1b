"""What Hadoop itself writes is held against this in the integration tests."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from tradestream.analytics.local_directory import LocalDirectory, local_path

CONTENT = bytes(range(256)) * 5
SUMS = b"crc\0" + (512).to_bytes(4) + b"".join(zlib.crc32(CONTENT[at : at + 512]).to_bytes(4) for at in (0, 512, 1024))


@pytest.fixture
def directory(tmp_path: Path) -> LocalDirectory:
    (tmp_path / "file").write_bytes(CONTENT)
    (tmp_path / ".file.crc").write_bytes(SUMS)
    return LocalDirectory(tmp_path)


def test_a_file_that_fits_its_checksum_is_read(directory: LocalDirectory) -> None:
    assert directory.read("file") == CONTENT
    assert directory.edges("file", 4) == (CONTENT[:4], CONTENT[-4:])
    assert directory.names() == directory.files("") == ["file"]


@pytest.mark.parametrize("at", [0, 511, 512, 1279])
def test_a_file_that_does_not_fit_is_refused(tmp_path: Path, directory: LocalDirectory, at: int) -> None:
    changed = bytearray(CONTENT)
    changed[at] ^= 1
    (tmp_path / "file").write_bytes(changed)
    with pytest.raises(OSError, match="checksum"):
        directory.read("file")


@pytest.mark.parametrize("sums", [b"", bytes(len(SUMS)), None], ids=["empty", "zeros", "gone"])
def test_a_checksum_that_is_none_is_passed_over_as_hadoop_does(
    tmp_path: Path, directory: LocalDirectory, sums: bytes | None
) -> None:
    if sums is None:
        (tmp_path / ".file.crc").unlink()
    else:
        (tmp_path / ".file.crc").write_bytes(sums)
    assert directory.read("file") == CONTENT


def test_half_a_checksum_refuses_the_file_as_hadoop_does(tmp_path: Path, directory: LocalDirectory) -> None:
    (tmp_path / ".file.crc").write_bytes(SUMS[:12])
    with pytest.raises(OSError, match="checksum"):
        directory.read("file")


def test_what_is_written_replaces_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    directory = LocalDirectory(tmp_path)
    directory.write("file", b"old")
    directory.write("file", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert directory.read("file") == b"new"


def test_a_deleted_file_takes_its_checksum_with_it(tmp_path: Path, directory: LocalDirectory) -> None:
    directory.delete("file")
    directory.delete("file")
    assert list(tmp_path.iterdir()) == []
    assert directory.names("gone") == directory.files("gone") == []


@pytest.mark.parametrize(
    ("uri", "path"),
    [("file:///srv/x", Path("/srv/x")), ("hdfs://nn/x", None), ("s3a://bucket/x", None)],
)
def test_only_a_file_uri_is_a_local_path(uri: str, path: Path | None) -> None:
    assert local_path(uri) == path
