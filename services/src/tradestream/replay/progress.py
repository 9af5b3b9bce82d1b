"""How far each dump has come, kept beside Kafka: a small file for each topic.

It holds what Kafka has confirmed and nothing else, so a replay that was killed repeats at most what was confirmed after
the last save; such repeated trades carry the same event_id. Kafka itself could not tell: others write to the topic as
well, and it forgets. A topic is known by Kafka's id of it, so one that was deleted and made anew begins from nothing.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec

from tradestream.errors import BusyError, ConfigError
from tradestream.trade import Id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


class Mark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far a dump has come.

    Attributes:
        last_id: the last trade that Kafka has confirmed.
        size: that of the file where this was its last trade; one that has another size now may hold more.
    """

    last_id: Id
    size: int | None = None


class _Content(msgspec.Struct, forbid_unknown_fields=True):
    topic: str
    dumps: dict[Annotated[str, msgspec.Meta(min_length=1)], Mark]


def directory(environment: Mapping[str, str]) -> Path:
    """Returns where progress is kept: below XDG_STATE_HOME where that is an absolute path, else ~/.local/state."""
    base = Path(environment.get("XDG_STATE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".local" / "state") / "tradestream" / "replay"


class Progress:
    """The marks of all dumps that were replayed into a topic."""

    def __init__(self, path: Path, topic: str, *, restart: bool = False) -> None:
        """Reads what was saved.

        Args:
            path: the file; it need not exist.
            topic: the topic's name, for whoever reads the file.
            restart: take a file that cannot be read for an empty one.

        Raises:
            ConfigError: the file cannot be read.
        """
        self.path = path
        self._content = _Content(topic, {})
        try:
            self._content = msgspec.json.decode(path.read_bytes(), type=_Content)
        except FileNotFoundError:
            pass
        except (OSError, msgspec.MsgspecError, UnicodeError) as error:
            if isinstance(error, OSError) or not restart:
                raise ConfigError(
                    f"{path}: cannot be read, so nothing tells what Kafka has: {error}. With --restart the replay "
                    "begins again, and what it repeats has the same event_id"
                ) from error

    def of(self, key: str) -> Mark | None:
        """Returns the mark of a dump; None where nothing of it was confirmed."""
        return self._content.dumps.get(key)

    def forget(self, keys: Iterable[str]) -> None:
        """Takes the marks of dumps away, on the disk too."""
        for key in keys:
            self._content.dumps.pop(key, None)
        self.save({})

    def save(self, marks: Mapping[str, Mark]) -> None:
        """Notes marks; the file is the old or the new one, whatever happens.

        Raises:
            ConfigError: it cannot be written.
        """
        self._content.dumps.update(marks)
        new = self.path.with_suffix(".new")
        try:
            with new.open("wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(self._content), indent=1))
                file.flush()
                os.fsync(file.fileno())
            new.replace(self.path)
        except OSError as error:
            raise ConfigError(f"{self.path}: cannot be written: {error.strerror or error}") from error


@contextmanager
def alone(path: Path, topic: str) -> Iterator[None]:
    """Makes sure that no other replay uses this file of progress.

    Raises:
        BusyError: another does.
        ConfigError: its directory cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_suffix(".lock").open("ab")
    except OSError as error:
        raise ConfigError(f"{path.parent}: cannot be written: {error.strerror or error}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(f"another replay into topic {topic} is running: wait for it, or end it") from None
        yield
