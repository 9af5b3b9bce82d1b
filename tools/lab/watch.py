"""`./lab watch`: prices, candles and signals, live."""

from __future__ import annotations

import argparse
import os

from lab import ssh
from lab.deploy import positive_int
from lab.instance import Instance
from lab.inventory import topology
from lab.verbs import Verbs


def add_parsers(verbs: Verbs) -> None:
    """Add the verb `watch`."""
    parser = verbs.add_parser(
        "watch",
        help="show prices, candles and signals, live",
        description="Run `tradestream watch` on the producer's host: the market and the pipeline's pace, on a terminal "
        "until q or Ctrl-C, else a line for each event.",
        epilog="example: ./lab watch --symbols BTCUSDT,ETHUSDT --interval 5m",
    )
    parser.add_argument("--symbols", metavar="A,B", help="only these: BTCUSDT or BTC-USDT")
    parser.add_argument("--interval", metavar="LENGTH", help="which candles: 5m, 1h, ... (1m)")
    parser.add_argument("--max", type=positive_int, metavar="N", help="print lines, and end after N of them")
    parser.set_defaults(run=run)


def run(instance: Instance, options: argparse.Namespace) -> int:
    """Watch until the user, or --max, ends it."""
    host = next(host.name for host in topology(instance) if "producer" in host.groups)
    given = {name: getattr(options, name) for name in ("symbols", "interval", "max")}
    flags = [f"--{name}={value}" for name, value in given.items() if value is not None]
    # neither ssh nor sudo passes this on
    colour = ["env", f"NO_COLOR={os.environ['NO_COLOR']}"] if os.environ.get("NO_COLOR") else []
    return ssh.attached(instance, host, [*colour, "tradestream", "watch", *flags])
