from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tradestream.analytics.local_directory import LocalDirectory, local_path
from tradestream.errors import ConfigError


def test_what_is_written_replaces_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    directory = LocalDirectory(tmp_path)
    directory.write("file", b"old")
    directory.write("file", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert directory.read("file") == b"new"


def test_hadoop_s_checksums_are_no_files(tmp_path: Path) -> None:
    for name in ("part", ".part.crc"):
        (tmp_path / name).touch()
    directory = LocalDirectory(tmp_path)
    assert directory.names() == directory.files("") == ["part"]


def test_a_mount_without_locks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lockf(_file: object, _how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.lockf", lockf)
    refused = pytest.raises(ConfigError, match=r"/_lock: cannot be locked: No locks available; .* mounted with locks")
    with refused, LocalDirectory(tmp_path).locked():
        pytest.fail("it goes on")


@pytest.mark.parametrize(
    ("uri", "path"),
    [("file:///srv/x", Path("/srv/x")), ("hdfs://nn/x", None), ("s3a://bucket/x", None)],
)
def test_only_a_file_uri_is_a_local_path(uri: str, path: Path | None) -> None:
    assert local_path(uri) == path
