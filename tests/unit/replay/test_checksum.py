from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tradestream.errors import DumpError
from tradestream.replay.checksum import verify

CONTENT = b"x" * 3_000_000


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    path = tmp_path / "BTCUSDT-trades-2021-01-08.zip"
    path.write_bytes(CONTENT)
    return path


def beside(dump: Path, text: str) -> Path:
    """Writes the checksum's file."""
    path = dump.with_name(f"{dump.name}.CHECKSUM")
    path.write_text(text)
    return path


@pytest.mark.parametrize("end", ["  BTCUSDT-trades-2021-01-08.zip\n", " *BTCUSDT-trades-2021-01-08.zip", "", "\r\n"])
def test_the_right_checksum_passes_and_every_byte_is_told(dump: Path, end: str) -> None:
    beside(dump, hashlib.sha256(CONTENT).hexdigest() + end)
    blocks: list[int] = []
    assert verify(dump, blocks.append)
    assert sum(blocks) == len(CONTENT)


def test_upper_case_is_the_same(dump: Path) -> None:
    beside(dump, hashlib.sha256(CONTENT).hexdigest().upper())
    assert verify(dump, lambda _: None)


def test_without_a_checksum_nothing_is_read(dump: Path) -> None:
    assert not verify(dump, lambda _: pytest.fail("it was read"))


def test_a_wrong_checksum_names_the_file_both_digests_and_what_to_do(dump: Path) -> None:
    other = hashlib.sha256(b"other").hexdigest()
    beside(dump, f"{other}  {dump.name}\n")
    with pytest.raises(DumpError) as error:
        verify(dump, lambda _: None)
    assert all(
        part in str(error.value) for part in (str(dump), other, hashlib.sha256(CONTENT).hexdigest(), "fetch both again")
    )


@pytest.mark.parametrize("text", ["", "<html>404</html>", "abc  BTCUSDT-trades-2021-01-08.zip", "0" * 65])
def test_what_is_no_checksum_is_refused(dump: Path, text: str) -> None:
    path = beside(dump, text)
    with pytest.raises(DumpError, match="does not begin with a SHA-256") as error:
        verify(dump, lambda _: None)
    assert str(error.value).startswith(f"{path}: ")
