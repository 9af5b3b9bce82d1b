"""The command that lets the job go on when it stopped for good: a record or what landed is damaged, or Kafka forgot.

What is stored as Parquet is the truth that is left: which trades it holds, its ids tell. So a new record says up to
where in the topic all is stored, and the job makes the rest of its state anew from there; what it then reads a second
time it knows by its ids. Nothing is deleted, and no Spark is needed.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import duckdb
import msgspec

from tradestream.analytics.alone import alone
from tradestream.analytics.config import AnalyticsConfig
from tradestream.analytics.landed import broken, shares
from tradestream.analytics.local_directory import LocalDirectory, local_path
from tradestream.analytics.position import Held, LostError, held, lost, without_lost
from tradestream.analytics.state import Record, StateError, StateStore
from tradestream.disk import give_like
from tradestream.errors import ConfigError
from tradestream.kafka import client_config


class Plan(NamedTuple):
    """What is to be done.

    Attributes:
        found: What is wrong, a sentence each.
        record: The record that the job is to go on from; None where it is to begin as if there were none.
        aside: What is moved away.
    """

    found: list[str]
    record: Record | None
    aside: list[Path]


class Places(NamedTuple):
    """Where the job keeps what it knows, as directories of this host."""

    state: Path
    storage: Path


def run(config: AnalyticsConfig, *, accept_loss: bool, sure: bool, dry_run: bool) -> None:
    """Say what is wrong and, once that is agreed to, put it right.

    Args:
        config: The job's.
        accept_loss: Go on without the messages that Kafka no longer holds.
        sure: Do not ask.
        dry_run: Change nothing.

    Raises:
        BusyError: The job runs.
        ConfigError: The job's files are not on a local path, or nobody is there to be asked.
        KafkaUnavailableError: No broker answered.
        LostError: Messages are lost, and that was not accepted.
    """
    places = Places(_local(config.checkpoint) / "state", _local(config.storage))
    if not places.state.is_dir():
        raise ConfigError(f"{places.state}: is no directory; a job that begins needs no repair")
    with alone(places.state):
        plan = make_plan(places, held(client_config(config.kafka_client_config), config.topic), accept_loss=accept_loss)
        if not plan.found:
            _say("nothing to repair: the job's state can be read, and Kafka holds all that comes next")
            return
        aside = places.state.parent / f"damaged-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        _say(*plan.found, *_intentions(plan, aside))
        if dry_run:
            return
        if not sure:
            _ask()
        carry_out(plan, places, aside)
        _say("done; `systemctl start trade-analytics` starts the job")


def make_plan(places: Places, held: Held, *, accept_loss: bool) -> Plan:
    """Look at records, landing directories and topic.

    Raises:
        LostError: Messages are lost, and that was not accepted.
    """
    store = StateStore(LocalDirectory(places.state))
    names = store.names()
    if not names:
        return Plan([], None, [])
    found: list[str] = []
    aside: list[Path] = []
    record: Record | None = None
    for name in reversed(names):
        try:
            record = store.read(name)
            break
        except StateError as error:
            found.append(str(error).partition(";")[0])
            aside.append(places.state / name)
    if record is None:
        found.append("no record is left that says how far the topic was read: what Kafka has forgotten cannot be told")
        return Plan(found, None, [*aside, *_unfinished(places, None)])
    if wrong := _unreadable(places, store, record):
        found.append(wrong)
    if found:
        position = msgspec.structs.replace(record.position, offsets=record.stored)
        aside += _unfinished(places, record.staged)
        record = Record(position=position, staged=record.staged)
    if gone := lost(record.position, held):
        if not accept_loss:
            raise LostError(". ".join([*found, f"{gone}; --accept-loss has the job go on without them"]))
        found.append(gone)
        record.position = without_lost(record.position, held)
    if not found:
        return Plan([], None, [])
    record.step = int(names[-1].partition(".")[0]) + 1
    return Plan(found, record, aside)


def _unreadable(places: Places, store: StateStore, record: Record) -> str | None:
    """What is wrong with closed candles or with what landed, None where nothing is."""
    try:
        for step in record.closed:
            store.kept(step)
    except StateError as error:
        return str(error).partition(";")[0]
    if not record.landed:
        return None
    storage = LocalDirectory(places.storage)
    if wrong := broken(storage, record.landed):
        return wrong
    landed = [storage.path(f"_landing/{name}") for name in record.landed]
    rows = 0
    try:
        with duckdb.connect() as database:
            for share in shares(landed, 1):  # as a move counts them: it leaves out what is not of its share
                ((count,),) = database.execute(f"SELECT count(*) FROM {share}").fetchall()
                rows += count
    except duckdb.Error as error:
        return f"{storage.path('_landing')}: {error}"
    if rows != record.landed_rows:
        return f"{storage.path('_landing')}: holds {rows} trades instead of {record.landed_rows}"
    return None


def _unfinished(places: Places, staged: str | None) -> list[Path]:
    """What is not yet where readers look, but for the staging directory ``staged``, which the record finishes."""
    staging, landing = places.storage / "_staging", places.storage / "_landing"
    paths = sorted([*places.state.glob("*.closed"), *staging.glob("*"), *landing.glob("*")])
    return [path for path in paths if path != staging / (staged or "")]


def carry_out(plan: Plan, places: Places, aside: Path) -> None:
    """Write the new record, then move away what is damaged; after a crash in between the same can be done again."""
    if plan.record is not None:
        StateStore(LocalDirectory(places.state)).save(plan.record)
    if plan.aside:
        _make(aside, places.state)
    for path in plan.aside:
        folder = aside / path.parent.name
        _make(folder, places.state)
        shutil.move(path, folder / path.name)


def _make(folder: Path, like: Path) -> None:
    folder.mkdir(exist_ok=True)
    give_like(folder, like)


def _intentions(plan: Plan, aside: Path) -> Iterable[str]:
    if plan.record is None:
        yield "the job makes its state anew from what is stored, and reads the topic from its earliest message"
    else:
        how = "makes its state anew from what is stored, and " if plan.record.book is None else ""
        where = ", ".join(f"{partition}:{offset}" for partition, offset in sorted(plan.record.position.offsets.items()))
        yield f"the job {how}reads the topic on from (partition:offset) {where}"
    if plan.aside:
        yield f"to {aside} are moved: {', '.join(f'{path.parent.name}/{path.name}' for path in plan.aside)}"


def _ask() -> None:
    if not sys.stdin.isatty():
        raise ConfigError("nobody is there to be asked: --yes does it, --dry-run only looks")
    if input("Do it? [y/N] ").strip().lower() not in ("y", "yes"):
        raise ConfigError("nothing was changed")


def _say(*sentences: str) -> None:
    for sentence in sentences:
        sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


def _local(uri: str) -> Path:
    path = local_path(uri)
    if path is None:
        raise ConfigError(
            f"{uri} is no local path, and this command knows no other: stop the job and move the whole checkpoint away "
            "(hdfs dfs -mv, aws s3 mv --recursive); the job then makes its state anew from what is stored and reads "
            "the topic from its earliest message"
        )
    return path
