"""The command line: what is refused before anything is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.cli import main
from lab.instance import Instance, Settings


@pytest.mark.parametrize(
    "verb",
    [
        "up",
        "down",
        "status",
        "verify",
        "watch",
        "logs",
        "exec",
        "test",
        "faults",
        "bench",
        "dashboards",
        "reference",
        "screenshots",
    ],
)
def test_every_verb_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([verb, "--help"])
    assert end.value.code == 0
    assert f"./lab {verb}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["up", "--topology", "huge"], "invalid choice: 'huge'"),
        (["up", "--feed", "kraken"], "invalid choice: 'kraken'"),
        (["up", "--rate", "-1"], "'-1' is not a number above 0"),
        (["up", "--rate", "many"], "'many' is not a number above 0"),
        (["up", "--speed", "0"], "'0' is not a number above 0"),
        (["bench", "producer", "--trades", "0"], "'0' is not a number above 0"),
        (["faults", "analytics", "--kills", "0"], "'0' is not a number above 0"),
        (["bench", "analytics", "--seconds", "0"], "'0' is not a number above 0"),
        (["dance"], "invalid choice: 'dance'"),
    ],
)
def test_a_wrong_word_ends_with_2_and_says_which(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["up", "--replay", "no-such-file.csv"], "no-such-file.csv"),
        (["up", "--speed", "2"], "--speed goes with --replay"),
        (["test", "no-such-job"], "no test named no-such-job"),
    ],
)
def test_wrong_input_ends_with_2_and_changes_nothing(
    arguments: list[str],
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--instance", "unit", *arguments]) == 2
    assert says in capsys.readouterr().err
    assert not Instance("unit").directory.exists()


@pytest.mark.parametrize(
    "command", [["status"], ["verify"], ["watch"], ["logs", "kafka"], ["screenshots"]], ids=" ".join
)
def test_what_needs_a_lab_says_that_there_is_none(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--instance", "unit", *command]) == 1
    assert "not up: run ./lab up" in capsys.readouterr().err


def test_exec_names_the_hosts_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--instance", "unit", "exec", "kafka9", "true"]) == 1
    assert "it has kafka1, spark1, monitor1, app1" in capsys.readouterr().err


def test_a_lab_with_made_up_trades_takes_none_of_a_real_exchange(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lab.instance.STATE", tmp_path)
    Instance("unit").save_settings(Settings(feed="simulator"))
    assert main(["--instance", "unit", "up", "--feed", "binance"]) == 2
    assert "holds trades of simulator, and those of binance would mix with them" in capsys.readouterr().err
