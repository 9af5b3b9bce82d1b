"""Log lines for the journal: one event a line, `event key=value ...`."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from types import TracebackType

from tradestream.visible import visible

# The journal takes a line's priority from such a prefix (sd-daemon(3)).
_PRIORITY = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}


class _Formatter(logging.Formatter):
    def __init__(self, *, journal: bool) -> None:
        super().__init__("level=%(levelname)s logger=%(name)s event=%(message)s")
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        line = _one_line(super().format(record))
        return f"<{_PRIORITY.get(record.levelno, 6)}>{line}" if self._journal else line


def in_journal() -> bool:
    """Whether standard error leads to the journal (systemd.exec(5)); a terminal's shell may have the variable too."""
    try:
        stream = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{stream.st_dev}:{stream.st_ino}"


def setup(level: str) -> None:
    """Sends the log to standard output, and what nobody caught too; in the journal each line has its priority.

    Args:
        level: the lowest level that is shown: debug, info, warning or error.
    """
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Formatter(journal=in_journal()))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in ("websockets", "aiohttp", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    sys.excepthook = _crashed
    threading.excepthook = lambda crash: _crashed(crash.exc_type, crash.exc_value, crash.exc_traceback)


def _crashed(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if error is not None and not issubclass(kind, KeyboardInterrupt):
        logging.getLogger("tradestream").critical("crashed", exc_info=(kind, error, trace))


def failed(program: str, error: Exception) -> None:
    """Says on standard error why a program ends; in the journal on one line, and with the priority of an error."""
    text = f"{program}: {error}"
    if in_journal():
        text = f"<{_PRIORITY[logging.ERROR]}>{_one_line(text)}"
    sys.stderr.write(f"{text}\n")


def _one_line(text: str) -> str:
    """Leaves nothing that the journal would take for the end of a line, or a terminal for an order."""
    return visible(text.replace("\n", " | "))


def line(event: str, **fields: object) -> str:
    """Returns `event key=value ...`, a value quoted where it holds a space, a quote or nothing."""
    return " ".join([event, *(f"{key}={_value(value)}" for key, value in fields.items())])


def _value(value: object) -> str:
    text = str(value)
    plain = text and not any(char in ' "=' or not char.isprintable() for char in text)
    return text if plain else json.dumps(text, ensure_ascii=not text.isprintable())
