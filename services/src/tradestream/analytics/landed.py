"""Whether what landed can be read, as far as the shape of its files tells."""

from __future__ import annotations

from collections.abc import Iterable

from tradestream.analytics.files import Directory

# Every Parquet file begins and ends with this.
_MAGIC = b"PAR1"


def broken(storage: Directory, names: Iterable[str]) -> str | None:
    """What is wrong with the landing directories ``names``, None where nothing is."""
    for name in (f"_landing/{name}" for name in names):
        files = [file for file in storage.files(name) if file.endswith(".parquet")]
        if not files:
            return f"{storage.path(name)}: is gone"
        for file in files:
            if not _is_whole(storage, f"{name}/{file}"):
                return f"{storage.path(f'{name}/{file}')}: is no whole Parquet file"
    return None


def _is_whole(storage: Directory, file: str) -> bool:
    try:
        return storage.edges(file, len(_MAGIC)) == (_MAGIC, _MAGIC)
    except OSError:
        return False
