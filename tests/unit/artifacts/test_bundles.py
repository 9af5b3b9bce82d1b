"""Bundles: the same bytes for the same files, whatever the disk says of them."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

from artifacts.bundles import pack
from artifacts.locks import sha256_of


def make_files(directory: Path, mode: int, time: int) -> list[Path]:
    directory.mkdir()
    paths = [directory / "b.jar", directory / "a.jar"]
    for path in paths:
        path.write_text(path.name)
        path.chmod(mode)
        os.utime(path, (time, time))
    return paths


def test_order_times_and_modes_do_not_matter(tmp_path: Path) -> None:
    first = make_files(tmp_path / "1", 0o644, 1_000_000)
    second = make_files(tmp_path / "2", 0o600, 2_000_000)
    one, _ = pack(first, "libs/", tmp_path / "one.tar")
    two, _ = pack(reversed(second), "libs/", tmp_path / "two.tar")
    assert one == two == sha256_of(tmp_path / "one.tar") == sha256_of(tmp_path / "two.tar")


def test_members_are_sorted_under_the_prefix(tmp_path: Path) -> None:
    pack(make_files(tmp_path / "1", 0o644, 1), "libs/", tmp_path / "one.tar")
    with tarfile.open(tmp_path / "one.tar") as tar:
        assert tar.getnames() == ["libs/a.jar", "libs/b.jar"]


def test_it_is_written_once_and_again_only_when_damaged(tmp_path: Path) -> None:
    files, target = make_files(tmp_path / "1", 0o644, 1), tmp_path / "bundles" / "one.tar"
    digest, written = pack(files, "", target)
    assert written
    assert pack(files, "", target) == (digest, False)
    target.write_bytes(target.read_bytes()[:-1])
    assert pack(files, "", target) == (digest, True)
    assert sha256_of(target) == digest


def test_nothing_but_the_bundle_is_left(tmp_path: Path) -> None:
    pack(make_files(tmp_path / "1", 0o644, 1), "", tmp_path / "bundles" / "one.tar")
    assert [path.name for path in (tmp_path / "bundles").iterdir()] == ["one.tar"]
