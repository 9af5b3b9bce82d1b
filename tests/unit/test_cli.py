from __future__ import annotations

from pathlib import Path

import pytest

from data.make_dump import write_dump
from tradestream import __version__, logs
from tradestream.cli import main


def write(folder: Path, text: str) -> Path:
    """Writes a configuration file."""
    path = folder / "service.yml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["producer"],
        ["topic"],
        ["producer", "--config"],
        ["nothing"],
        ["watch", "--interval", "7m"],
        ["watch", "--max", "0"],
        ["watch", "--symbols", ""],
        ["replay"],
        ["replay", "x.zip", "--speed", "0"],
        ["replay", "x.zip", "--speed", "fast"],
        ["replay", "x.zip", "--symbols", "BTCUSDT,,"],
        ["candles"],
        ["candles", "BTCUSDT", "--format", "xml"],
        ["sql"],
        ["sql", "SELECT 1", "--format", "chart"],
        ["check", "--format", "csv"],
        ["compact"],
        ["compact", "--dry-run"],
        ["repair", "--force"],
    ],
)
def test_wrong_usage_exits_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2


def test_the_version_is_the_distributions(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"tradestream {__version__}\n"


@pytest.mark.parametrize(
    "command",
    [
        "producer",
        "simulator",
        "analytics",
        "topic",
        "watch",
        "replay",
        "candles",
        "sql",
        "check",
        "compact",
        "backtest",
        "repair",
    ],
)
def test_the_help_of_a_command_has_an_example_and_its_exit_status(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    text = capsys.readouterr().out
    assert f"  tradestream {command}" in text
    assert "exit status: 0" in text


def test_a_good_configuration_is_silent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["producer", "--check-config", str(write(tmp_path, ""))]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_wrong_configuration_exits_2_and_names_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "toppic: x")
    assert main(["producer", "--check-config", str(path)]) == 2
    assert capsys.readouterr().err.startswith(f"tradestream: {path}: unknown key `toppic`")


def test_a_broken_dump_is_refused_before_the_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded = write_dump(tmp_path / "BTCUSDT-trades-2021-01-08.csv", 10)
    path = write(tmp_path, f"replay: {{file: {recorded}}}\nstate_dir: {tmp_path}\n")
    assert main(["simulator", "--check-config", str(path)]) == 0
    recorded.write_text(recorded.read_text() + "11,free,1,1,1735603200000,True,True\n")
    for option in ("--check-config", "--config"):
        assert main(["simulator", option, str(path)]) == 2
        assert f"{recorded}: line 11: price cannot be 'free'" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["topic", "candles"], ["watch"]])
def test_what_reads_topics_needs_kafkas_client_properties(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "client.properties"
    assert main([*command, "--client-config", str(gone)]) == 2
    assert str(gone) in capsys.readouterr().err


def test_a_replay_names_a_dump_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    client = tmp_path / "client.properties"
    client.write_text("bootstrap.servers=127.0.0.1:1\n")
    gone = tmp_path / "BTCUSDT-trades-2021-01-08.zip"
    assert main(["replay", str(gone), "--client-config", str(client)]) == 2
    assert capsys.readouterr().err == f"tradestream: {gone}: cannot be read: No such file or directory\n"


def test_a_log_line_keeps_to_one_line_and_quotes_what_needs_it() -> None:
    text = logs.line("event_name", plain=1, spaced="a b", empty="", quoted='"', broken="a\nb")
    assert text == 'event_name plain=1 spaced="a b" empty="" quoted="\\"" broken="a\\nb"'
