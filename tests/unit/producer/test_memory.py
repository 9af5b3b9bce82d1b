from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
from pathlib import Path

from tradestream.exchange.binance import Binance
from tradestream.producer import service  # all that the program imports
from tradestream.producer.config import ProducerConfig
from tradestream.producer.lane import Lane
from tradestream.producer.metrics import SymbolStats
from tradestream.producer.sink import KafkaSink
from tradestream.trade import encode

FRAME = (
    b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1672515782136000,"s":"BTCUSDT","t":%d,'
    b'"p":"39432.48000000","q":"0.00026300","T":1672515782136123,"m":true,"M":true}}'
)
config = ProducerConfig()
sink = KafkaSink(config, {"bootstrap.servers": "127.0.0.1:1"})
lane = Lane("BTCUSDT", SymbolStats(), sink.trades_of("BTCUSDT", SymbolStats()))


def take(trade_id):
    (trade,) = Binance().parse(FRAME % trade_id, 10**18 + trade_id)
    lane.take(trade_id, 0, encode(trade))


trade_id = 10**9
while not sink.waiting:
    take(trade_id)
    trade_id += 1
for later in range(trade_id + 1, trade_id + 1 + config.repair.hold_trades):  # one is missing before them
    take(later)
assert len(lane.held) == config.repair.hold_trades
status = Path("/proc/self/status").read_text()
print(int(status.partition("VmHWM:")[2].split()[0]) / 1024, flush=True)
import os
os._exit(0)  # no broker will ever take what is queued
"""
SOURCES = Path(__file__).parents[3] / "services" / "src"


def test_with_its_queue_full_and_all_held_that_may_be_it_stays_below_150_mebibytes() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": str(SOURCES)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert 80 < float(done.stdout) < 150
