from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tradestream.logs import line

SAYING = """\
import logging, threading
from tradestream import logs
logs.setup("info")
log = logging.getLogger("x")
log.debug("hidden")
log.info(logs.line("began", symbol="A B"))
log.warning("slow")
log.error("lost")
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
logs.failed("tradestream", ValueError("one\\ntwo"))
log.info("one\\r\\0<2>two\\x1b[2J")
raise OSError("three\\nfour")
"""


def said(folder: Path, program: str, **environment: str) -> list[str]:
    """What a program says on a stream that is the journal's, unless another is."""
    with (folder / "stream").open("w+") as stream:
        status = os.fstat(stream.fileno())
        journal = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}", **environment}
        subprocess.run(
            [sys.executable, "-u", "-c", program],
            stdout=stream,
            stderr=stream,
            env={**os.environ, **journal},
            check=False,
            timeout=60,
        )
        stream.seek(0)
        return stream.read().splitlines()


def test_in_the_journal_each_event_is_a_line_with_its_priority(tmp_path: Path) -> None:
    lines = said(tmp_path, SAYING)
    assert lines[:3] == [
        '<6>level=INFO logger=x event=began symbol="A B"',
        "<4>level=WARNING logger=x event=slow",
        "<3>level=ERROR logger=x event=lost",
    ]
    assert lines[3].startswith(
        "<2>level=CRITICAL logger=tradestream event=crashed | Traceback (most recent call last):"
    )
    assert lines[3].endswith(" | ZeroDivisionError: division by zero")
    assert lines[4] == "<3>tradestream: one | two"
    assert lines[5] == r"<6>level=INFO logger=x event=one\r\x00<2>two\x1b[2J"
    assert lines[6].startswith("<2>level=CRITICAL logger=tradestream event=crashed | Traceback")
    assert lines[6].endswith(" | OSError: three | four")
    assert len(lines) == 7


def test_a_terminal_below_a_shell_of_the_journal_gets_no_priorities(tmp_path: Path) -> None:
    lines = said(tmp_path, SAYING, JOURNAL_STREAM="8:1")
    assert lines[0] == 'level=INFO logger=x event=began symbol="A B"'
    assert lines[4:6] == ["tradestream: one", "two"]
    assert not any(line.startswith("<") for line in lines)


def test_a_service_that_cannot_start_says_so_as_an_error(tmp_path: Path) -> None:
    program = f"from tradestream.cli import main; main(['producer', '--config', {str(tmp_path / 'gone.yml')!r}])"
    assert [line[:15] for line in said(tmp_path, program)] == ["<3>tradestream:"]


@pytest.mark.parametrize("value", ["\x9b2J", "a\u2028b", "\u202egnp", "\ud800", "\x1b[2J", "a\nb", 'a" b="c'])
def test_no_value_can_end_its_line_or_steer_a_terminal(value: str) -> None:
    said = line("came", value=value)
    assert said.isprintable()
    assert said.startswith('came value="')
    assert json.loads(said.removeprefix("came value=")) == value


def test_what_can_be_read_is_left_as_it_is() -> None:
    assert line("came", key="ß€", more="ß €") == 'came key=ß€ more="ß €"'
