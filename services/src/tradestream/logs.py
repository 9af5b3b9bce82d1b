"""Log lines for the journal: one event a line, `event key=value ...`."""

from __future__ import annotations

import json
import logging
import sys

# The journal takes a line's priority from such a prefix (sd-daemon(3)).
_PRIORITY = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}


class _Formatter(logging.Formatter):
    def __init__(self, *, journal: bool) -> None:
        super().__init__("level=%(levelname)s logger=%(name)s event=%(message)s")
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record).replace("\n", " | ")
        return f"<{_PRIORITY.get(record.levelno, 6)}>{line}" if self._journal else line


def setup(level: str, *, journal: bool) -> None:
    """Sends the log to standard output.

    Args:
        level: the lowest level that is shown: debug, info, warning or error.
        journal: whether to mark each line with its priority, as the journal reads it.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Formatter(journal=journal))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in ("websockets", "aiohttp", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def line(event: str, **fields: object) -> str:
    """Returns `event key=value ...`, a value quoted where it holds a space, a quote or nothing."""
    return " ".join([event, *(f"{key}={_value(value)}" for key, value in fields.items())])


def _value(value: object) -> str:
    text = str(value)
    plain = text and not any(char in ' "=' or not char.isprintable() for char in text)
    return text if plain else json.dumps(text, ensure_ascii=False)
