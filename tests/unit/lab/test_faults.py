from __future__ import annotations

from pathlib import Path

from lab.faults import table

REPORT = """\
<testsuites><testsuite name="pytest">
<testcase classname="x" name="test_what[drop-kraken]"><properties>
<property name="fetched" value="31"/><property name="dropped" value="2"/><property name="missing" value="0"/>
<property name="trades" value="700"/><property name="peak MiB" value="80"/>
<property name="seconds" value="9"/></properties></testcase>
<testcase classname="x" name="test_what[lose, 429-binance]"><failure message="no"/></testcase>
<testcase classname="x" name="test_all_is_there_once"><properties><property name="trades" value="9"/></properties>
</testcase>
</testsuite></testsuites>
"""


def test_a_row_tells_what_became_of_the_trades(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    assert table(report, ("trades", "seconds"))[2:] == [
        "| drop-kraken | 700 | 9 | passed |",
        "| lose, 429-binance |  |  | FAILED |",
        "| all is there once | 9 |  | passed |",
    ]
