"""The cache: filled with exactly what the lock says, or not at all."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from artifacts.cache import directory_for, exclusive, fill
from artifacts.errors import ArtifactError
from artifacts.locks import Lock

CONTENTS = {"one.jar": b"one", "two.jar": b"two"}
LOCK = Lock(
    Path("SHA256SUMS"),
    {name: frozenset({hashlib.sha256(data).hexdigest()}) for name, data in CONTENTS.items()},
    str,
)


class Source:
    """A place to fetch from that counts how often it is asked."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self.contents = contents
        self.asked = 0

    def __call__(self, staging: Path) -> None:
        """Write every file into the directory."""
        self.asked += 1
        for name, data in self.contents.items():
            (staging / name).write_bytes(data)


def test_an_empty_cache_is_filled_and_a_full_one_is_left(tmp_path: Path) -> None:
    source = Source(CONTENTS)
    found, fetched = fill(tmp_path / "files" / "kafka", LOCK, source)
    assert fetched
    assert {name: path.read_bytes() for name, path in found.items()} == CONTENTS
    assert fill(tmp_path / "files" / "kafka", LOCK, source) == (found, False)
    assert source.asked == 1


def test_only_what_is_missing_is_replaced(tmp_path: Path) -> None:
    found, _ = fill(tmp_path / "kafka", LOCK, Source(CONTENTS))
    kept = found["two.jar"].stat().st_mtime_ns
    found["one.jar"].unlink()
    again, fetched = fill(tmp_path / "kafka", LOCK, Source(CONTENTS))
    assert fetched
    assert again["one.jar"].read_bytes() == b"one"
    assert again["two.jar"].stat().st_mtime_ns == kept


@pytest.mark.parametrize(
    ("fetched", "message"),
    [
        ({"one.jar": b"one", "two.jar": b"wrong"}, r"two\.jar has SHA-256"),
        ({"one.jar": b"one"}, r"two\.jar .* was not among"),
        ({**CONTENTS, "three.jar": b"three"}, r"three\.jar is not listed"),
    ],
)
def test_a_wrong_fetch_leaves_nothing_behind(tmp_path: Path, fetched: dict[str, bytes], message: str) -> None:
    with pytest.raises(ArtifactError, match=message):
        fill(tmp_path / "files" / "kafka", LOCK, Source(fetched))
    assert not list((tmp_path / "files").glob(".fetch-*"))
    assert "two.jar" not in {path.name for path in (tmp_path / "files" / "kafka").iterdir()}


def test_another_identity_has_another_directory(tmp_path: Path) -> None:
    assert directory_for(tmp_path, "services", "lock", "3.11") != directory_for(tmp_path, "services", "lock", "3.13")


def test_a_cache_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtifactError, match="pipeline_cache_dir"), exclusive(tmp_path / "file"):
        pass
