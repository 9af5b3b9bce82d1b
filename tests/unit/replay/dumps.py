"""Dumps for the tests of replays."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

START_MS = 1_610_064_000_000


def line(trade_id: int, time: int = START_MS) -> str:
    """Returns a line of a dump."""
    return f"{trade_id},39432.48000000,0.00026300,10.37074224,{time},True,True"


def write(path: Path, rows: Iterable[tuple[int, int]], *, header: bool = False) -> Path:
    """Writes a dump of trades, each an id and a time; a zip where the name says so."""
    lines = [line(*row) for row in rows]
    if header:
        lines.insert(0, "id,price,qty,quote_qty,time,is_buyer_maker,is_best_match")
    text = "".join(f"{each}\n" for each in lines)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(path.with_suffix(".csv").name, text)
    else:
        path.write_text(text)
    return path


def ids(first: int, last: int) -> list[tuple[int, int]]:
    """Returns trades from an id to another, 10 ms apart."""
    return [(number, START_MS + 10 * (number - first)) for number in range(first, last + 1)]
