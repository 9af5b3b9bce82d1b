"""The files that Spark has written, asked by the command."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from integration.analytics.job import Job, message, trade
from integration.broker import Broker
from tradestream.cli import main
from tradestream.trade import Trade

pytestmark = pytest.mark.timeout(900)

MINUTE = 60_000
START = 1_610_064_000_000 // MINUTE * MINUTE
RULES = [{"type": "large_trade", "amount": 6000}]


def trades(exchange: str, symbol: str) -> list[Trade]:
    """Twenty minutes with a trade each two seconds, over midnight, with all the digits that a trade may have."""
    numbers = random.Random(symbol)  # noqa: S311 - prices
    return [
        trade(
            number,
            START - 10 * MINUTE + 2_000 * number,
            f"{100 + numbers.random():.12f}",
            "70" if number == 300 else f"{numbers.random():.8f}",
            exchange=exchange,
            symbol=symbol,
            buyer_is_maker=number % 3 == 0,
        )
        for number in range(600)
    ]


def test_what_spark_has_stored_is_whole_and_answers(
    tmp_path: Path, kafka: Broker, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = [("binance", "BTCUSDT"), ("kraken", "XBT/USD"), ("coinbase", "A.B:C-USD")]
    # The third trade comes ten minutes late; then a trade closes what is left.
    given = {pair: trades(*pair) for pair in pairs}
    for pair, each in given.items():
        each.insert(300, each.pop(2))
        each.append(trade(600, START + 60 * MINUTE, exchange=pair[0], symbol=pair[1]))
    job = Job(tmp_path, kafka, "ask", rules=RULES)
    kafka.create_topics(job.topics)
    with job:
        for begin in (0, 250, 500):
            job.produce([message(each) for own in given.values() for each in own[begin : begin + 250]])
            wanted = 3 * min(601, begin + 250)
            job.until("trades in Parquet", lambda wanted=wanted: len(job.trades()) >= wanted)
        job.until("candles in Parquet", lambda: len(job.stored_candles()) == 3 * (20 + 4))
        assert job.terminate() == 0
    capsys.readouterr()

    def answer(*arguments: str) -> Any:  # noqa: ANN401
        assert main([*arguments, "--storage", str(job.storage), "--format", "json"]) == 0
        return json.loads(capsys.readouterr().out)

    found = answer("check")
    assert found["whole"]
    assert [(one["exchange"], one["symbol"]) for one in found["series"]] == sorted(pairs)
    for one in found["series"]:
        assert (one["trades"], one["first_trade_id"], one["last_trade_id"]) == (601, 0, 600)
        assert (one["candles"]["1m"]["candles"], one["candles"]["1m"]["late"]) == (20, 1)
    _asked(job, answer)


def _asked(job: Job, answer: Callable[..., Any]) -> None:
    closed = [values for values in job.published() if values.pop("is_closed")]
    own = [each for each in closed if (each["symbol"], each["interval"]) == ("XBT/USD", "5m")]
    assert answer("candles", "xbtusd", "--interval", "5m") == own, "as they were published"
    (row,) = answer(
        "sql", "SELECT trade_id, price, time, timestamp FROM trades WHERE symbol = 'XBT/USD' AND trade_id = 1"
    )
    price = next(each.price for each in trades("kraken", "XBT/USD") if each.trade_id == 1)
    assert row == {
        "trade_id": 1,
        "price": price.rstrip("0"),
        "time": "2021-01-07T23:50:02Z",
        "timestamp": "2027-01-15T08:00:00Z",
    }
    (signal, *_) = answer("sql", "SELECT rule, time, date, evidence FROM signals ORDER BY exchange")
    assert (signal["rule"], signal["time"], signal["date"]) == ("large_trade", "2021-01-08T00:00:00Z", "2021-01-08")
    described = {view: answer("sql", f"DESCRIBE {view}") for view in ("trades", "candles", "signals")}
    assert described == _empty(job, answer), "an empty view has the columns of the files"


def _empty(job: Job, answer: Callable[..., Any]) -> dict[str, Any]:
    for view in ("trades", "candles", "signals"):
        (job.storage / view).rename(job.storage / f"_{view}")
    (job.storage / "_landing").mkdir(exist_ok=True)
    return {view: answer("sql", f"DESCRIBE {view}") for view in ("trades", "candles", "signals")}
