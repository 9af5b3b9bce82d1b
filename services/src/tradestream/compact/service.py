"""`tradestream compact`: once a day, old days are removed and the files of closed days are merged.

Whatever ends it, at whatever moment, the next run finishes: a directory is as it was or as it shall be.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec

from tradestream.analytics.layout import LOCK, PARTITIONS
from tradestream.compact import partitions
from tradestream.compact.config import CompactConfig
from tradestream.compact.merge import merge, size, worthwhile
from tradestream.compact.workshop import Workshop
from tradestream.disk import locked
from tradestream.errors import BusyError, ConfigError, StoredDataError
from tradestream.logs import line

log = logging.getLogger(__name__)


def run(config: CompactConfig, now: float, *, dry_run: bool = False) -> int:
    """Does what is to be done today; returns the exit status.

    Args:
        config: The configuration.
        now: Seconds since 1970.
        dry_run: Only say what would be done.

    Raises:
        ConfigError: The storage is not there, is another user's, or cannot be compacted.
        BusyError: Another one is at work.
    """
    started = time.monotonic()
    today = datetime.fromtimestamp(now - 60 * config.watermark_minutes, UTC).date()
    _require_own(config.root)
    if dry_run:
        _say(config, today)
        return 0
    workshop = Workshop(config.root)
    with _alone(workshop):
        workshop.sweep()
        removed = sum(_remove(config.root, day, workshop) for day in _old(config, today))
        merged, failed = _merge(config, today, workshop) if config.merge else (0, 0)
    for table in PARTITIONS:
        _count(config.root, table)
    seconds = round(time.monotonic() - started, 1)
    log.info(line("compacted", days_removed=removed, merged=merged, failed=failed, seconds=seconds))
    return 1 if failed else 0


def _require_own(root: Path) -> None:
    try:
        owner = root.stat().st_uid
    except OSError as error:
        raise ConfigError(f"{root}: {error.strerror}: storage has to name the job's directory") from error
    if owner != os.geteuid():
        # What it makes as another user, root too, the job could not write to.
        raise ConfigError(f"{root} belongs to uid {owner}: run this as that user, or start the unit trade-compact")


@contextmanager
def _alone(workshop: Workshop) -> Iterator[None]:
    try:
        with locked(workshop.path / "lock", wait=False):
            yield
    except BlockingIOError:
        raise BusyError(f"{workshop.path.parent}: another tradestream compact is at work: wait for its end") from None


def _say(config: CompactConfig, today: date) -> None:
    for table, day in _old(config, today):
        log.info(line("would_remove", table=table, directory=day, bytes=_bytes(day)))
    for table, directory in _closed(config, today):
        names = partitions.files(directory)
        log.info(line("would_merge", table=table, directory=directory, files=len(names), bytes=size(directory, names)))


def _old(config: CompactConfig, today: date) -> Iterator[tuple[str, Path]]:
    """The days that are to be removed."""
    for table, kept in msgspec.structs.asdict(config.keep_days).items():
        if kept:
            for day in partitions.days(config.root, table, before=today - timedelta(days=kept)):
                yield table, day


def _closed(config: CompactConfig, today: date) -> Iterator[tuple[str, Path]]:
    """The directories whose files are to be merged."""
    old = {day for _, day in _old(config, today)}
    for table in PARTITIONS:
        for directory in partitions.partitions(config.root, table, before=today):
            if config.merge and old.isdisjoint((directory, *directory.parents)) and worthwhile(directory):
                yield table, directory


def _remove(root: Path, old: tuple[str, Path], workshop: Workshop) -> int:
    table, day = old
    held = _bytes(day)
    with locked(root / LOCK):
        workshop.take(day)
    log.info(line("removed", table=table, directory=day, bytes=held))
    return 1


def _merge(config: CompactConfig, today: date, workshop: Workshop) -> tuple[int, int]:
    """Merges what is to be merged; returns how many directories, and how many could not be."""
    workshop.require_exchange()
    merged = failed = 0
    for table, directory in _closed(config, today):
        try:
            done = merge(config.root, table, directory, workshop)
        except (StoredDataError, OSError) as error:
            failed += 1
            log.error(line("merge_failed", table=table, directory=directory, reason=error))  # noqa: TRY400 - no trace
        else:
            merged += 1
            log.info(line("merged", table=table, directory=directory, **done._asdict()))
        workshop.sweep()
    return merged, failed


def _count(root: Path, table: str) -> None:
    """Tells how much is stored."""
    sizes = [path.stat().st_size for path in (root / table).rglob("[!._]*.parquet")]
    log.info(line("stored", table=table, files=len(sizes), bytes=sum(sizes)))


def _bytes(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*.parquet"))
