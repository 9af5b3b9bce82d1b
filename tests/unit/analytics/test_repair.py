"""What a repair finds and does; that nothing is lost or doubled by it the integration tests prove."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import msgspec
import pytest
from msgspec.structs import replace

from tradestream.analytics import repair
from tradestream.analytics.candles import BookState
from tradestream.analytics.config import AnalyticsConfig
from tradestream.analytics.landed import share
from tradestream.analytics.layout import CANDLE
from tradestream.analytics.local_directory import LocalDirectory
from tradestream.analytics.position import Held, LostError, Position
from tradestream.analytics.repair import Places, Plan, carry_out, make_plan
from tradestream.analytics.state import Record, StateStore
from tradestream.errors import ConfigError

HELD = Held("trades", "id", first={0: 0}, end={0: 1000})
SHORTER = HELD._replace(first={0: 450})
DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "zeros": lambda content: bytes(len(content)),
    "half": lambda content: content[: len(content) // 2],
}


def record(step: int) -> Record:
    """One of a job that reads 100 messages a step, of which those of the last step are not stored yet."""
    return Record(
        epoch="e",
        step=step,
        batch_id=step,
        position=Position("id", {0: 100 * step}),
        stored={0: 100 * step - 100},
        book=BookState(),
        landed=["e-1"],
        landed_rows=100,
        staged="e-0",
    )


def land(file: Path, trades: int) -> None:
    """Write a file of so many trades and a message that is none."""
    with duckdb.connect() as database:
        database.sql(
            "SELECT range < $trades AS valid FROM range($trades + 1)", params={"trades": trades}
        ).write_parquet(str(file))


@pytest.fixture
def places(tmp_path: Path) -> Places:
    places = Places(tmp_path / "checkpoint" / "state", tmp_path / "storage")
    for folder in ("_landing/e-1", "_staging/e-0", "_staging/e-9"):
        (places.storage / folder).mkdir(parents=True)
        for part, rows in ((0, 60), (1, 40)):
            land(places.storage / folder / f"part-{part}.parquet", rows)
    places.state.mkdir(parents=True)
    for step in (3, 4, 5):
        StateStore(LocalDirectory(places.state)).save(record(step))
    return places


def file(places: Places, step: int) -> Path:
    return places.state / f"{step:015d}.state"


def newest(places: Places) -> Record:
    found = StateStore(LocalDirectory(places.state)).load()
    assert found is not None
    return found


def repaired(places: Places, held: Held = HELD, *, accept_loss: bool = False) -> Plan:
    plan = make_plan(places, held, accept_loss=accept_loss)
    carry_out(plan, places, places.storage.parent / "aside")
    return plan


def aside(places: Places) -> list[str]:
    folder = places.storage.parent / "aside"
    return sorted(str(path.relative_to(folder)) for path in folder.glob("*/*"))


def contents(places: Places) -> list[bytes]:
    """Every file that there is, wherever."""
    return sorted(path.read_bytes() for path in places.storage.parent.rglob("*") if path.is_file())


@pytest.mark.parametrize("accept_loss", [False, True])
def test_what_is_whole_is_left_alone(places: Places, *, accept_loss: bool) -> None:
    before = contents(places)
    assert repaired(places, accept_loss=accept_loss) == Plan([], None, [])
    assert contents(places) == before


def test_a_job_that_has_not_begun_needs_nothing(places: Places) -> None:
    for path in places.state.iterdir():
        path.unlink()
    assert make_plan(places, HELD, accept_loss=False) == Plan([], None, [])


def test_a_share_with_trades_of_another_is_found(places: Places) -> None:
    landing = places.storage / "_landing" / "e-1"
    for part in landing.iterdir():
        part.unlink()
    with duckdb.connect() as database:
        series = database.sql("SELECT 'kraken' AS exchange, 'BTC/USD' AS symbol")
        ((number,),) = series.project(share()).fetchall()
        own = landing / f"share={number}"
        own.mkdir()
        trades = database.sql("SELECT true AS valid, 'kraken' AS exchange, 'BTC/USD' AS symbol FROM range(100)")
        trades.write_parquet(str(own / "data_0.parquet"))
    assert make_plan(places, HELD, accept_loss=False) == Plan([], None, [])
    own.rename(landing / f"share={(number + 1) % 8}")
    (found,) = repaired(places).found
    assert "holds 0 trades instead of 100" in found
    assert newest(places).position.offsets == {0: 400}, "from where all is stored"


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_record_is_followed_by_one_that_begins_where_all_is_stored(places: Places, how: str) -> None:
    file(places, 5).write_bytes(DAMAGE[how](file(places, 5).read_bytes()))
    before = contents(places)
    plan = repaired(places)
    assert [f"{file(places, 5)}: is damaged" in found for found in plan.found] == [True]
    after = newest(places)
    assert (after.book, after.landed, after.step, after.staged) == (None, [], 6, "e-0")
    assert after.position == Position("id", {0: 300}), "so far all is stored, as record 4 says"
    assert after.epoch != "e", "no file gets the name of one that is there"
    assert aside(places) == ["_landing/e-1", "_staging/e-9", f"state/{file(places, 5).name}"]
    assert contents(places) == sorted([*before, file(places, 6).read_bytes()]), "nothing is deleted"
    assert repaired(places).found == [], "once is enough"


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"", "no whole Parquet file"), (b"PAR1 row", "no whole Parquet file"), (b"PAR1 1234 PAR1", "_landing: ")],
)
def test_what_landed_and_is_damaged_is_read_again(places: Places, content: bytes, told: str) -> None:
    (places.storage / "_landing" / "e-1" / "part-0.parquet").write_bytes(content)
    assert told in repaired(places).found[0]
    assert newest(places).position == Position("id", {0: 400})
    assert newest(places).book is None
    assert aside(places) == ["_landing/e-1", "_staging/e-9"]


@pytest.mark.parametrize(
    ("parts", "told"),
    [([0], "_landing: holds 40 trades instead of 100"), ([0, 1], "e-1: is gone")],
    ids=["one file", "all files"],
)
def test_what_landed_and_is_gone_is_read_again(places: Places, parts: list[int], told: str) -> None:
    for part in parts:
        (places.storage / "_landing" / "e-1" / f"part-{part}.parquet").unlink()
    assert told in repaired(places).found[0]
    assert newest(places).position == Position("id", {0: 400})


@pytest.mark.parametrize("damage", [*DAMAGE, "gone"])
def test_closed_candles_that_are_damaged_or_gone_are_made_again(places: Places, damage: str) -> None:
    store = StateStore(LocalDirectory(places.state))
    store.keep(4, msgspec.json.encode(dict.fromkeys(CANDLE, "1")) + b"\n")
    store.save(replace(record(5), closed=[4]))
    closed = places.state / f"{4:015d}.closed"
    assert make_plan(places, HELD, accept_loss=False) == Plan([], None, [])
    if damage == "gone":
        closed.unlink()
    else:
        closed.write_bytes(DAMAGE[damage](closed.read_bytes()))
    assert f"{closed}: is damaged" in repaired(places).found[0]
    assert newest(places).position == Position("id", {0: 400})
    assert (newest(places).book, newest(places).closed) == (None, [])
    kept = [] if damage == "gone" else [f"state/{closed.name}"]
    assert aside(places) == ["_landing/e-1", "_staging/e-9", *kept]
    assert repaired(places).found == [], "once is enough"


def test_without_any_record_the_job_begins_anew_and_the_plan_says_what_nobody_knows(places: Places) -> None:
    for step in (3, 4, 5):
        file(places, step).write_bytes(b"")
    plan = repaired(places)
    assert "what Kafka has forgotten cannot be told" in plan.found[-1]
    assert StateStore(LocalDirectory(places.state)).load() is None
    assert len(aside(places)) == 3 + 3, "records, landing and staging directories"


def test_a_loss_is_refused_with_what_it_is_until_it_is_accepted(places: Places) -> None:
    shorter = HELD._replace(first={0: 530})
    before = contents(places)
    with pytest.raises(LostError, match=r"read up to offset 500 and begins at 530 now, 30 messages .*--accept-loss"):
        repaired(places, shorter)
    assert contents(places) == before
    assert "30 messages were removed unread" in repaired(places, shorter, accept_loss=True).found[0]
    assert newest(places) == replace(record(5), step=6, position=Position("id", {0: 530})), "all else is kept"
    assert aside(places) == []


def test_a_topic_that_was_made_anew_is_read_from_its_beginning(places: Places) -> None:
    anew = Held("trades", "other", first={0: 0}, end={0: 900})
    with pytest.raises(LostError, match="made anew"):
        repaired(places, anew)
    repaired(places, anew, accept_loss=True)
    assert newest(places).position == Position("other", {0: 0})
    assert newest(places).book is not None


def test_damage_and_loss_together_are_both_told(places: Places) -> None:
    """What record 4 leaves to be read again from 300 is no longer there below 450."""
    file(places, 5).write_bytes(b"")
    with pytest.raises(LostError, match=r"is damaged.*150 messages were removed"):
        repaired(places, SHORTER)
    assert len(repaired(places, SHORTER, accept_loss=True).found) == 2
    assert newest(places).position == Position("id", {0: 450})


@pytest.fixture
def config(places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AnalyticsConfig:
    """That of a job with a damaged record, on a cluster that answers."""
    client = tmp_path / "client.properties"
    client.write_text("bootstrap.servers=127.0.0.1:1\n")
    monkeypatch.setattr(repair, "held", lambda _client, _topic: HELD)
    file(places, 5).write_bytes(b"")
    checkpoint, storage = places.state.parent.as_uri(), places.storage.as_uri()
    return AnalyticsConfig(kafka_client_config=client, storage=storage, checkpoint=checkpoint)


def test_a_dry_run_says_what_it_would_do_and_does_nothing(
    places: Places, config: AnalyticsConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(places)
    repair.run(config, accept_loss=False, sure=False, dry_run=True)
    told = capsys.readouterr().out
    assert f"{file(places, 5)}: is damaged" in told
    assert "makes its state anew from what is stored, and reads the topic on from (partition:offset) 0:300\n" in told
    assert f"are moved: state/{file(places, 5).name}, _landing/e-1, _staging/e-9\n" in told
    assert contents(places) == sorted([*before, b""]), "but for the lock"


def test_without_a_terminal_it_has_to_be_told_that_it_may(
    places: Places, config: AnalyticsConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConfigError, match="--yes"):
        repair.run(config, accept_loss=False, sure=False, dry_run=False)
    repair.run(config, accept_loss=False, sure=True, dry_run=False)
    assert newest(places).step == 6
    assert list(places.state.parent.glob("damaged-*/state/*.state"))
    assert "systemctl start trade-analytics" in capsys.readouterr().out
    repair.run(config, accept_loss=False, sure=False, dry_run=False)
    assert "nothing to repair" in capsys.readouterr().out


@pytest.mark.parametrize("answer", ["", "n", "no", "what?"])
def test_without_a_yes_nothing_is_changed(
    places: Places, config: AnalyticsConfig, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: answer)
    with pytest.raises(ConfigError, match="nothing was changed"):
        repair.run(config, accept_loss=False, sure=False, dry_run=False)
    assert file(places, 5).exists()
    assert not file(places, 6).exists()


@pytest.mark.parametrize("key", ["checkpoint", "storage"])
def test_of_another_storage_it_says_what_can_be_done_by_hand(config: AnalyticsConfig, key: str) -> None:
    elsewhere = replace(config, **{key: "hdfs://namenode/x"})
    with pytest.raises(ConfigError, match=r"hdfs://namenode/x is no local path.*hdfs dfs -mv"):
        repair.run(elsewhere, accept_loss=False, sure=True, dry_run=False)
