"""`tradestream watch` as a picture."""

from __future__ import annotations

import io
import re
import time
from pathlib import Path

from rich.console import Console

from lab.errors import LabError
from tradestream.errors import KafkaUnavailableError
from tradestream.watch import reader
from tradestream.watch.figures import Figures, Rates
from tradestream.watch.market import Market
from tradestream.watch.messages import read
from tradestream.watch.screen import Screen, picture

_SECONDS = 11.0  # rates are those of ten
_TURN_SECONDS = 0.25
_COLUMNS, _LINES = 110, 32
# Who opens the picture is not sent to another site for its letters: any font of fixed width does.
_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def take(bootstrap: str, path: Path, seconds: float = _SECONDS) -> None:
    """Look on for some seconds, and write what is on the screen then as SVG.

    Raises:
        LabError: Kafka does not answer, or lacks the pipeline's topics.
    """
    market, rates = Market("1m"), Rates()
    try:
        with reader.opened({"bootstrap.servers": bootstrap}, Screen.newest) as topics:
            ends = time.monotonic() + seconds
            while (now := time.monotonic()) < ends:
                events = (read(topic, value) for topic, value in topics.read(_TURN_SECONDS))
                market.take(event for event in events if event is not None)
                topics.look()
                rates.add(now, topics.taken)
            figures = Figures(rates(), topics.skipped, trouble=topics.trouble)
    except KafkaUnavailableError as error:
        raise LabError(f"no picture of watch: {error}") from error
    console = Console(file=io.StringIO(), record=True, force_terminal=True, width=_COLUMNS, height=_LINES)
    console.print(picture(market, figures, time.time_ns() // 1_000_000, console))
    svg = console.export_svg(title="tradestream watch")
    path.write_text(_FONT.sub("", svg), encoding="utf-8")
