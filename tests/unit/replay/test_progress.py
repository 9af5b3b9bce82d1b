from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradestream.errors import BusyError, ConfigError
from tradestream.replay.progress import Mark, Progress, alone, directory
from tradestream.trade import MOST_ID

MARKS = st.dictionaries(st.text(min_size=1), st.builds(Mark, st.integers(0, MOST_ID), st.none() | st.integers(0)))


@given(saves=st.lists(MARKS, max_size=5))
def test_what_was_saved_is_read_again(tmp_path_factory: pytest.TempPathFactory, saves: list[dict[str, Mark]]) -> None:
    path = tmp_path_factory.mktemp("state") / "id.json"
    progress = Progress(path, "trades")
    expected: dict[str, Mark] = {}
    for marks in saves:
        progress.save(marks)
        expected |= marks
    again = Progress(path, "trades")
    assert {key: again.of(key) for key in expected} == expected
    assert again.of("") is None


def test_what_is_forgotten_stays_forgotten_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "id.json"
    Progress(path, "trades").save({"a": Mark(1), "b": Mark(2, 99)})
    Progress(path, "trades", restart=True).forget(["a", "unknown"])
    again = Progress(path, "trades")
    assert (again.of("a"), again.of("b")) == (None, Mark(2, 99))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 100,
        b'{"topic":"trades","dumps":{"a":{"last',
        b'{"topic":"trades","dumps":{"a":{"last_id":-1}}}',
        b'{"topic":"trades","dumps":{"a":{"last_id":"7"}}}',
        b'{"dumps":{}}',
        b"\xff\xfe",
    ],
)
def test_a_damaged_file_is_an_error_that_says_what_to_do_and_restart_mends_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "id.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as error:
        Progress(path, "trades")
    assert str(error.value).startswith(f"{path}: ")
    assert "--restart" in str(error.value)
    Progress(path, "trades", restart=True).save({"a": Mark(1)})
    assert Progress(path, "trades").of("a") == Mark(1)


def test_a_half_written_file_beside_it_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "id.json"
    Progress(path, "trades").save({"a": Mark(1)})
    path.with_suffix(".new").write_bytes(b'{"topic')
    again = Progress(path, "trades")
    again.save({"b": Mark(2)})
    assert Progress(path, "trades").of("a") == Mark(1)


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(ConfigError, match=f"{tmp_path}/file/state: cannot be written"),
        alone(tmp_path / "file" / "state" / "id.json", "trades"),
    ):
        pytest.fail("it went on")


def test_two_replays_into_a_topic_are_refused_and_one_after_the_other_is_not(tmp_path: Path) -> None:
    path = tmp_path / "state" / "id.json"
    with alone(path, "trades"):
        with pytest.raises(BusyError, match="another replay into topic trades"), alone(path, "trades"):
            pytest.fail("two at once")
        with alone(path.with_name("other.json"), "others"):
            pass
    with alone(path, "trades"):
        pass


@pytest.mark.parametrize("value", ["", "relative/path"])
def test_progress_is_kept_where_xdg_says(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    assert directory({"XDG_STATE_HOME": "/state"}) == Path("/state/tradestream/replay")
    expected = Path("/home/someone/.local/state/tradestream/replay")
    assert directory({}) == directory({"XDG_STATE_HOME": value}) == expected
